#include "mcucc/channel_affine.h"

#include "mcucc/requantize.h"

MCUCC_INLINE void channel_affine(const mcucc_channel_affine_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                 int32_t multiplier, mcucc_rounding rounding)
{
    const mcucc_channel_affine_params p = *params;
    const int8_t *x = rows[0];

    for (int32_t column = span->begin; column < span->end; ++column) {
        for (int32_t channel = 0; channel < p.channels; ++channel) {
            const int32_t sum = *x++ * p.factors[channel] + p.offsets[channel];
            *out++ =
                mcucc_finish(sum, multiplier, p.shift, p.output_zero_point, p.lo, p.hi, rounding);
        }
    }
}

void mcucc_channel_affine(const mcucc_channel_affine_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span)
{
    channel_affine(params, rows, out, span, params->multiplier, MCUCC_ROUND_SINGLE);
}

void mcucc_channel_affine_double(const mcucc_channel_affine_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    channel_affine(params, rows, out, span, params->multiplier, MCUCC_ROUND_DOUBLE);
}

void mcucc_channel_affine_shift(const mcucc_channel_affine_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    channel_affine(params, rows, out, span, 1, MCUCC_ROUND_SHORT);
}
