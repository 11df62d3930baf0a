#include "mcucc/conv2d_wide.h"

#include "mcucc/wide.h"
#include "mcucc/window.h"

/* What a call is made for: constants that fold away. */
typedef struct {
    mcucc_element input;
    mcucc_element output;
    mcucc_rounding rounding;
} kind;

/* The sums of two output channels as values; an odd last channel is paired with itself. */
MCUCC_INLINE void store(const mcucc_conv2d_params *params, mcucc_sums sums, int8_t *out,
                        int32_t even, int32_t odd, kind k)
{
    const int32_t zero_point = params->output_zero_point;
    const int32_t lo = params->lo;
    const int32_t hi = params->hi;
    const int32_t first = mcucc_finish_value(sums.even, params->multiplier[even],
                                             params->shift[even], zero_point, lo, hi, k.rounding);
    const int32_t second = mcucc_finish_value(sums.odd, params->multiplier[odd], params->shift[odd],
                                              zero_point, lo, hi, k.rounding);
    mcucc_put(out, even, first, k.output);
    mcucc_put(out, odd, second, k.output);
}

/* All channels of two neighbouring pixels without padding, one group and no dilation: a kernel
 * row is one run of values, which begins `offset` values into every row. */
MCUCC_INLINE void two_pixels(const mcucc_conv2d_params *params, const int8_t *const *rows,
                             int8_t *out, int32_t offset, kind k)
{
    const int32_t outputs = params->output_channels;
    const int32_t length = params->kernel_w * params->input_channels;
    const int32_t filter = params->kernel_h * length;
    const int32_t step = params->stride_w * params->input_channels;

    for (int32_t even = 0; even < outputs; even += 2) {
        const int32_t odd = even + 1 < outputs ? even + 1 : even;
        const int32_t to_odd = (odd - even) * filter;
        const int8_t *weights = params->weights + even * filter;
        mcucc_sums p = {params->bias[even], params->bias[odd]};
        mcucc_sums q = p;
        for (int32_t row = 0; row < params->kernel_h; ++row) {
            mcucc_dot_pair_wide(&p, &q, mcucc_at(rows[row], offset, k.input), step, weights,
                                weights + to_odd, length, k.input);
            weights += length;
        }
        store(params, p, out, even, odd, k);
        store(params, q, mcucc_at_out(out, outputs, k.output), even, odd, k);
    }
}

/* Two channels of any pixel, whose first tap inside is in column `column` of the rows; `input` is
 * the first input channel of the group. */
MCUCC_INLINE mcucc_sums window_sums(const mcucc_conv2d_params *params, const int8_t *const *rows,
                                    mcucc_range taps, int32_t column, int32_t input, int32_t inputs,
                                    int32_t even, int32_t odd, kind k)
{
    const int32_t filter = params->kernel_h * params->kernel_w * inputs;
    const int32_t to_odd = (odd - even) * filter;
    const int32_t before = taps.begin * inputs;
    const int32_t after = (params->kernel_w - taps.end) * inputs;
    const int8_t *weights = params->weights + even * filter;
    mcucc_sums sums = {params->bias[even], params->bias[odd]};

    for (int32_t row = 0; row < params->kernel_h; ++row) {
        mcucc_dot_constant(&sums, params->input_zero_point, weights, weights + to_odd, before);
        weights += before;
        for (int32_t tap = 0; tap < taps.end - taps.begin; ++tap) {
            const int32_t at = (column + tap * params->dilation_w) * params->input_channels;
            mcucc_dot_wide(&sums, mcucc_at(rows[row], at + input, k.input), weights,
                           weights + to_odd, inputs, k.input);
            weights += inputs;
        }
        mcucc_dot_constant(&sums, params->input_zero_point, weights, weights + to_odd, after);
        weights += after;
    }
    return sums;
}

/* All channels of any pixel; `first` is the input column of its first tap, in the padding or
 * not. */
MCUCC_INLINE void one_pixel(const mcucc_conv2d_params *params, const int8_t *const *rows,
                            int8_t *out, int32_t first, int32_t input_column, kind k)
{
    const int32_t inputs = params->input_channels / params->groups;
    const int32_t outputs = params->output_channels / params->groups;
    const mcucc_range taps =
        mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
    const int32_t column = first + taps.begin * params->dilation_w - input_column;

    for (int32_t group = 0; group < params->groups; ++group) {
        for (int32_t channel = 0; channel < outputs; channel += 2) {
            const int32_t even = group * outputs + channel;
            const int32_t odd = channel + 1 < outputs ? even + 1 : even;
            const mcucc_sums sums =
                window_sums(params, rows, taps, column, group * inputs, inputs, even, odd, k);
            store(params, sums, out, even, odd, k);
        }
    }
}

MCUCC_INLINE void conv2d(const mcucc_conv2d_params *params, const int8_t *const *rows, int8_t *out,
                         const mcucc_span *span, mcucc_element input, mcucc_element output,
                         mcucc_rounding rounding)
{
    const kind k = {input, output, rounding};
    const int32_t runs = params->groups == 1 && params->dilation_w == 1;
    const mcucc_range inside =
        mcucc_interior(span, params->kernel_w, params->stride_w, params->dilation_w,
                       params->pad_left, params->input_width);
    int32_t column = span->begin;
    while (column < span->end) {
        const int32_t first = column * params->stride_w - params->pad_left;
        /* Pairs inside; single pixels in the borders and at the end of an odd interior. */
        const int32_t pixels = runs && column >= inside.begin && column + 1 < inside.end ? 2 : 1;
        if (pixels == 2) {
            const int32_t offset = (first - span->input_column) * params->input_channels;
            two_pixels(params, rows, out, offset, k);
        } else {
            one_pixel(params, rows, out, first, span->input_column, k);
        }
        column += pixels;
        out = mcucc_at_out(out, pixels * params->output_channels, output);
    }
}

MCUCC_CODE void mcucc_conv2d_s8_s16(const mcucc_conv2d_wide_params *params,
                                    const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_conv2d_s8_s16_short(const mcucc_conv2d_wide_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_SHORT);
}

MCUCC_CODE void mcucc_conv2d_s16_s8(const mcucc_conv2d_wide_params *params,
                                    const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_conv2d_s16_s8_short(const mcucc_conv2d_wide_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_SHORT);
}

MCUCC_CODE void mcucc_conv2d_s16_s16(const mcucc_conv2d_wide_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_conv2d_s16_s16_short(const mcucc_conv2d_wide_params *params,
                                           const int8_t *const *rows, int8_t *out,
                                           const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_SHORT);
}

MCUCC_CODE void mcucc_conv2d_s16_s16_double(const mcucc_conv2d_wide_params *params,
                                            const int8_t *const *rows, int8_t *out,
                                            const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_DOUBLE);
}
