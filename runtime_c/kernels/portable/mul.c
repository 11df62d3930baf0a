#include "mcucc/mul.h"

#include "mcucc/requantize.h"

MCUCC_INLINE void mul(const mcucc_mul_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span, mcucc_rounding rounding)
{
    const mcucc_mul_params p = *params;
    const int32_t columns = span->end - span->begin;
    /* A factor per channel is one run a pixel, the same b every time; else all is one run. */
    const int32_t runs = p.per_channel ? columns : 1;
    const int32_t length = p.per_channel ? p.channels : columns * p.channels;
    const int8_t *a = rows[0];

    for (int32_t run = 0; run < runs; ++run) {
        const int8_t *b = rows[1];
        for (int32_t i = 0; i < length; ++i) {
            const int32_t product = (*a++ - p.zero_point_a) * (*b++ - p.zero_point_b);
            *out++ = mcucc_finish(product, p.multiplier, p.shift, p.output_zero_point, p.lo, p.hi,
                                  rounding);
        }
    }
}

MCUCC_CODE void mcucc_mul(const mcucc_mul_params *params, const int8_t *const *rows, int8_t *out,
                          const mcucc_span *span)
{
    mul(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_mul_double(const mcucc_mul_params *params, const int8_t *const *rows,
                                 int8_t *out, const mcucc_span *span)
{
    mul(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}
