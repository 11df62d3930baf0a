#include "mcucc/add_armv7em.h"

#include "mcucc/finish_armv7em.h"

MCUCC_CODE void mcucc_add_armv7em(const mcucc_add_armv7em_params *params, const int8_t *const *rows,
                                  int8_t *out, const mcucc_span *span)
{
    const int32_t count = (span->end - span->begin) * params->channels;
    const int32_t multiplier_a = params->multiplier_a;
    const int32_t multiplier_b = params->multiplier_b;
    const int32_t bias = params->bias;
    const int32_t shift = params->shift;
    const int8_t *a = rows[0];
    const int8_t *b = rows[1];
    int8_t *y = out;
    int32_t left = count;

    /* Four at a time; each is read before it is written, for the output may be an input. */
    for (; left >= 4; left -= 4) {
        const int32_t first = a[0] * multiplier_a + b[0] * multiplier_b + bias;
        const int32_t second = a[1] * multiplier_a + b[1] * multiplier_b + bias;
        const int32_t third = a[2] * multiplier_a + b[2] * multiplier_b + bias;
        const int32_t fourth = a[3] * multiplier_a + b[3] * multiplier_b + bias;
        y[0] = (int8_t)mcucc_saturate8(first >> shift);
        y[1] = (int8_t)mcucc_saturate8(second >> shift);
        y[2] = (int8_t)mcucc_saturate8(third >> shift);
        y[3] = (int8_t)mcucc_saturate8(fourth >> shift);
        a += 4;
        b += 4;
        y += 4;
    }
    for (; left > 0; --left) {
        *y++ = (int8_t)mcucc_saturate8((*a++ * multiplier_a + *b++ * multiplier_b + bias) >> shift);
    }
    mcucc_clamp_bytes(out, count, params->lo, params->hi);
}
