#include "mcucc/conv2d_long_wide.h"

#include "mcucc/long_sums.h"
#include "mcucc/window.h"

/* The sum of output channel `channel` where the window's first tap is at input column `first`. */
MCUCC_CODE static int64_t window_sum(const mcucc_conv2d_long_wide_params *params,
                                     const int8_t *const *rows, mcucc_range taps, int32_t column,
                                     int32_t channel)
{
    const int32_t inputs = params->input_channels / params->groups;
    const int32_t group = channel / (params->output_channels / params->groups);
    const int8_t *weights =
        params->weights + channel * params->kernel_h * params->kernel_w * inputs;
    int64_t sum = mcucc_long_of(params->bias_high[channel], params->bias_low[channel]);

    for (int32_t row = 0; row < params->kernel_h; ++row) {
        const int16_t *const x = (const int16_t *)(const void *)rows[row];
        for (int32_t tap = taps.begin; x != NULL && tap < taps.end; ++tap) {
            const int32_t at = (column + tap * params->dilation_w) * params->input_channels;
            sum = mcucc_long_dot(sum, x + at + group * inputs, weights + tap * inputs, inputs);
        }
        weights += params->kernel_w * inputs;
    }
    return sum;
}

MCUCC_CODE void mcucc_conv2d_long_s16_s16(const mcucc_conv2d_long_wide_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span)
{
    int16_t *y = (int16_t *)(void *)out;

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t first = column * params->stride_w - params->pad_left;
        const mcucc_range taps =
            mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
        for (int32_t channel = 0; channel < params->output_channels; ++channel) {
            const int32_t shift = params->shift[channel];
            const int64_t half = (int64_t)1 << (shift - 1);
            const int64_t sum = window_sum(params, rows, taps, first - span->input_column, channel);
            const int64_t scaled = (sum * params->multiplier[channel] + half) >> shift;
            const int32_t value = mcucc_saturate_product(scaled);
            *y++ = (int16_t)mcucc_clamp(value, params->lo, params->hi);
        }
    }
}
