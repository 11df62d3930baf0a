#include "mcucc/add_armv7em_wide.h"

#include "mcucc/matrix_wide_armv7em.h"

/* `value` saturated to the output's type. */
MCUCC_INLINE int32_t saturated(int32_t value, mcucc_element output)
{
    if (output == MCUCC_S8) {
        return mcucc_saturate8(value);
    }
#if MCUCC_DSP
    __asm__("ssat %0, #16, %0" : "+r"(value));
    return value;
#else
    return mcucc_clamp(value, INT16_MIN, INT16_MAX);
#endif
}

/* What all values share, in registers. */
typedef struct {
    int32_t multiplier_a;
    int32_t multiplier_b;
    int32_t bias;
    mcucc_element of_a;
    mcucc_element of_b;
} terms;

MCUCC_INLINE int32_t sum_of(const terms *t, const int8_t *a, const int8_t *b, int32_t i)
{
    return mcucc_get(a, i, t->of_a) * t->multiplier_a + mcucc_get(b, i, t->of_b) * t->multiplier_b +
           t->bias;
}

MCUCC_INLINE void add(const mcucc_add_armv7em_params *params, const int8_t *const *rows,
                      int8_t *out, const mcucc_span *span, mcucc_element of_a, mcucc_element of_b,
                      mcucc_element output)
{
    const int32_t count = (span->end - span->begin) * params->channels;
    const terms t = {params->multiplier_a, params->multiplier_b, params->bias, of_a, of_b};
    const int32_t shift = params->shift;
    const int8_t *a = rows[0];
    const int8_t *b = rows[1];
    int8_t *y = out;
    int32_t left = count;

    /* Four at a time; each is read before it is written, for the output may be an input. */
    for (; left >= 4; left -= 4) {
        const int32_t first = sum_of(&t, a, b, 0) >> shift;
        const int32_t second = sum_of(&t, a, b, 1) >> shift;
        const int32_t third = sum_of(&t, a, b, 2) >> shift;
        const int32_t fourth = sum_of(&t, a, b, 3) >> shift;
        mcucc_put(y, 0, saturated(first, output), output);
        mcucc_put(y, 1, saturated(second, output), output);
        mcucc_put(y, 2, saturated(third, output), output);
        mcucc_put(y, 3, saturated(fourth, output), output);
        a = mcucc_at(a, 4, of_a);
        b = mcucc_at(b, 4, of_b);
        y = mcucc_at_out(y, 4, output);
    }
    for (int32_t i = 0; i < left; ++i) {
        mcucc_put(y, i, saturated(sum_of(&t, a, b, i) >> shift, output), output);
    }
    mcucc_clamp_values(out, count, params->lo, params->hi, output);
}

#define ADD(types, a, b, y)                                                                \
    MCUCC_CODE void mcucc_add_armv7em_##types(const mcucc_add_armv7em_wide_params *params, \
                                              const int8_t *const *rows, int8_t *out,      \
                                              const mcucc_span *span)                      \
    {                                                                                      \
        add(params, rows, out, span, a, b, y);                                             \
    }

ADD(s8_s8_s16, MCUCC_S8, MCUCC_S8, MCUCC_S16)
ADD(s8_s16_s8, MCUCC_S8, MCUCC_S16, MCUCC_S8)
ADD(s8_s16_s16, MCUCC_S8, MCUCC_S16, MCUCC_S16)
ADD(s16_s8_s8, MCUCC_S16, MCUCC_S8, MCUCC_S8)
ADD(s16_s8_s16, MCUCC_S16, MCUCC_S8, MCUCC_S16)
ADD(s16_s16_s8, MCUCC_S16, MCUCC_S16, MCUCC_S8)
ADD(s16_s16_s16, MCUCC_S16, MCUCC_S16, MCUCC_S16)
