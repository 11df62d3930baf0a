#include "mcucc/mul_armv7em.h"

#include "mcucc/finish_armv7em.h"

/* What all products share. */
typedef struct {
    uint32_t zeros_a; /* zero points, twice in a word */
    uint32_t zeros_b;
    mcucc_factor factor;
} terms;

/* `count` products. The output may be an input: four are read before they are written. */
MCUCC_INLINE void multiply(const terms *t, const int8_t *a, const int8_t *b, int8_t *y,
                           int32_t count, mcucc_form form)
{
    const mcucc_factor factor = t->factor;
    for (; count >= 4; count -= 4) {
        const uint32_t a_word = mcucc_load(a);
        const uint32_t b_word = mcucc_load(b);
        const uint32_t a_even = mcucc_less_pair(mcucc_even_bytes(a_word), t->zeros_a);
        const uint32_t b_even = mcucc_less_pair(mcucc_even_bytes(b_word), t->zeros_b);
        const uint32_t a_odd = mcucc_less_pair(mcucc_odd_bytes(a_word), t->zeros_a);
        const uint32_t b_odd = mcucc_less_pair(mcucc_odd_bytes(b_word), t->zeros_b);
        y[0] = mcucc_finish_factor(mcucc_bottom(a_even) * mcucc_bottom(b_even), factor, form);
        y[1] = mcucc_finish_factor(mcucc_bottom(a_odd) * mcucc_bottom(b_odd), factor, form);
        y[2] = mcucc_finish_factor(mcucc_top(a_even) * mcucc_top(b_even), factor, form);
        y[3] = mcucc_finish_factor(mcucc_top(a_odd) * mcucc_top(b_odd), factor, form);
        a += 4;
        b += 4;
        y += 4;
    }
    for (; count > 0; --count) {
        const int32_t of_a = *a++ - mcucc_bottom(t->zeros_a);
        const int32_t of_b = *b++ - mcucc_bottom(t->zeros_b);
        *y++ = mcucc_finish_factor(of_a * of_b, factor, form);
    }
}

MCUCC_INLINE void mul(const mcucc_mul_armv7em_params *params, const int8_t *const *rows,
                      int8_t *out, const mcucc_span *span, mcucc_form form)
{
    const terms t = {
        mcucc_pair(params->zero_point_a, params->zero_point_a),
        mcucc_pair(params->zero_point_b, params->zero_point_b),
        {params->multiplier, params->addend, params->shift},
    };
    const int32_t count = (span->end - span->begin) * params->channels;
    /* A factor per channel is one run a pixel, the same b every time; else all is one run. */
    const int32_t length = params->per_channel ? params->channels : count;
    for (int32_t done = 0; done < count; done += length) {
        multiply(&t, rows[0] + done, rows[1], out + done, length, form);
    }
    mcucc_clamp_bytes(out, count, params->lo, params->hi);
}

#define KERNEL(name, form)                                                           \
    MCUCC_CODE void mcucc_mul_armv7em_##name(const mcucc_mul_armv7em_params *params, \
                                             const int8_t *const *rows, int8_t *out, \
                                             const mcucc_span *span)                 \
    {                                                                                \
        mul(params, rows, out, span, form);                                          \
    }

KERNEL(high, MCUCC_FORM_HIGH)
KERNEL(double, MCUCC_FORM_DOUBLE)
