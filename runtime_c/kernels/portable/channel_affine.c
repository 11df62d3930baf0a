#include "mcucc/channel_affine.h"

#include "mcucc/requantize.h"

MCUCC_INLINE void channel_affine(const mcucc_channel_affine_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                 mcucc_rounding rounding)
{
    const mcucc_channel_affine_params p = *params;
    const int8_t *x = rows[0];

    for (int32_t column = span->begin; column < span->end; ++column) {
        for (int32_t channel = 0; channel < p.channels; ++channel) {
            const int32_t sum = *x++ * p.factors[channel] + p.offsets[channel];
            *out++ =
                mcucc_finish(sum, p.multiplier, p.shift, p.output_zero_point, p.lo, p.hi, rounding);
        }
    }
}

MCUCC_CODE void mcucc_channel_affine(const mcucc_channel_affine_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    channel_affine(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_channel_affine_double(const mcucc_channel_affine_params *params,
                                            const int8_t *const *rows, int8_t *out,
                                            const mcucc_span *span)
{
    channel_affine(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}

/* `pixels` pixels, 1 or 2, that share what is loaded of a channel; `out` may be `x`. */
MCUCC_INLINE void shift_pixels(const mcucc_channel_affine_params *params, const int8_t *x,
                               int8_t *out, int32_t pixels)
{
    const int32_t *const factors = params->factors;
    const int32_t *const offsets = params->offsets;
    const int32_t channels = params->channels;
    const int32_t shift = params->shift;

    for (int32_t channel = 0; channel < channels; ++channel) {
        const int32_t factor = factors[channel];
        const int32_t offset = offsets[channel];
        out[0] = (int8_t)mcucc_saturate8((x[0] * factor + offset) >> shift);
        if (pixels == 2) {
            out[channels] = (int8_t)mcucc_saturate8((x[channels] * factor + offset) >> shift);
        }
        ++x;
        ++out;
    }
}

MCUCC_CODE void mcucc_channel_affine_shift(const mcucc_channel_affine_params *params,
                                           const int8_t *const *rows, int8_t *out,
                                           const mcucc_span *span)
{
    const int32_t channels = params->channels;
    const int32_t columns = span->end - span->begin;
    const int8_t *const x = rows[0];
    int32_t column = 0;

    for (; column + 2 <= columns; column += 2) {
        shift_pixels(params, x + column * channels, out + column * channels, 2);
    }
    if (column < columns) {
        shift_pixels(params, x + column * channels, out + column * channels, 1);
    }
    mcucc_clamp_bytes(out, columns * channels, params->lo, params->hi);
}
