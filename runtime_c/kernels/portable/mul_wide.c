#include "mcucc/mul_wide.h"

#include "mcucc/wide.h"

MCUCC_INLINE void mul(const mcucc_mul_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span, mcucc_element a, mcucc_element b, mcucc_element y,
                      mcucc_rounding rounding)
{
    const mcucc_mul_params p = *params;
    const int32_t columns = span->end - span->begin;
    /* A factor per channel is one run a pixel, the same b every time; else all is one run. */
    const int32_t runs = p.per_channel ? columns : 1;
    const int32_t length = p.per_channel ? p.channels : columns * p.channels;
    int32_t at = 0;

    for (int32_t run = 0; run < runs; ++run) {
        for (int32_t i = 0; i < length; ++i) {
            const int32_t product = (mcucc_get(rows[0], at, a) - p.zero_point_a) *
                                    (mcucc_get(rows[1], i, b) - p.zero_point_b);
            const int32_t value = mcucc_finish_value(product, p.multiplier, p.shift,
                                                     p.output_zero_point, p.lo, p.hi, rounding);
            mcucc_put(out, at, value, y);
            ++at;
        }
    }
}

MCUCC_CODE void mcucc_mul_s8_s8_s16(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                                    int8_t *out, const mcucc_span *span)
{
    mul(params, rows, out, span, MCUCC_S8, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_mul_s8_s16_s8(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                                    int8_t *out, const mcucc_span *span)
{
    mul(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_mul_s8_s16_s16(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                                     int8_t *out, const mcucc_span *span)
{
    mul(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_mul_s16_s8_s8(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                                    int8_t *out, const mcucc_span *span)
{
    mul(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_S8, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_mul_s16_s8_s16(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                                     int8_t *out, const mcucc_span *span)
{
    mul(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_mul_s16_s16_s8(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                                     int8_t *out, const mcucc_span *span)
{
    mul(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_mul_s16_s16_s16(const mcucc_mul_wide_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span)
{
    mul(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_mul_s16_s16_s16_double(const mcucc_mul_wide_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    mul(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_DOUBLE);
}
