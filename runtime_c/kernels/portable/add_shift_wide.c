#include "mcucc/add_shift_wide.h"

#include "mcucc/wide.h"

/* value * 2^-bits, half away from zero. */
MCUCC_CODE static int32_t at_shift(int32_t value, int32_t bits)
{
    const int32_t half = (int32_t)(((uint32_t)1 << bits) >> 1);
    return value < 0 ? -((half - value) >> bits) : (value + half) >> bits;
}

MCUCC_CODE void mcucc_add_shift_s16_s16_s16(const mcucc_add_shift_wide_params *params,
                                            const int8_t *const *rows, int8_t *out,
                                            const mcucc_span *span)
{
    const mcucc_add_shift_wide_params p = *params;
    const int32_t count = (span->end - span->begin) * p.channels;

    for (int32_t i = 0; i < count; ++i) {
        const int32_t a = at_shift(mcucc_get(rows[0], i, MCUCC_S16), p.shift_a);
        const int32_t b = at_shift(mcucc_get(rows[1], i, MCUCC_S16), p.shift_b);
        /* LiteRT saturates the sum to int16 before the activation: lo and hi lie inside. */
        mcucc_put(out, i, mcucc_clamp(a + p.sign_b * b, p.lo, p.hi), MCUCC_S16);
    }
}
