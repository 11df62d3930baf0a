#include "mcucc/conv2d.h"

#include "mcucc/dot.h"
#include "mcucc/window.h"

/* What turns the sums of two output channels into bytes. An odd last channel is paired with
 * itself. Read before the first output is written, so that no store can be mistaken to change
 * it. */
typedef struct {
    int32_t even;
    int32_t odd;
    int32_t even_multiplier;
    int32_t odd_multiplier;
    int32_t even_shift;
    int32_t odd_shift;
    int32_t zero_point;
    int32_t lo;
    int32_t hi;
} output_pair;

MCUCC_INLINE output_pair select_outputs(const mcucc_conv2d_params *params, int32_t even,
                                        int32_t odd)
{
    const output_pair pair = {
        even,
        odd,
        params->multiplier[even],
        params->multiplier[odd],
        params->shift[even],
        params->shift[odd],
        params->output_zero_point,
        params->lo,
        params->hi,
    };
    return pair;
}

MCUCC_INLINE void store(const output_pair *pair, mcucc_sums sums, int8_t *out,
                        mcucc_rounding rounding)
{
    out[pair->even] = mcucc_finish(sums.even, pair->even_multiplier, pair->even_shift,
                                   pair->zero_point, pair->lo, pair->hi, rounding);
    out[pair->odd] = mcucc_finish(sums.odd, pair->odd_multiplier, pair->odd_shift, pair->zero_point,
                                  pair->lo, pair->hi, rounding);
}

/* All channels of two neighbouring pixels without padding, one group and no dilation: a kernel
 * row is one run of bytes. `offset` is the byte of the first pixel's first tap in every row. */
MCUCC_INLINE void two_pixels(const mcucc_conv2d_params *params, const int8_t *const *rows,
                             int8_t *out, int32_t offset, mcucc_rounding rounding)
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
            mcucc_dot_pair(&p, &q, rows[row] + offset, step, weights, weights + to_odd, length);
            weights += length;
        }
        const output_pair pair = select_outputs(params, even, odd);
        store(&pair, p, out, rounding);
        store(&pair, q, out + outputs, rounding);
    }
}

/* Two channels of any pixel. `first` is the input column of its first tap and may lie in the
 * padding; `input` is the first input channel of the group. */
MCUCC_INLINE mcucc_sums window_sums(const mcucc_conv2d_params *params, const int8_t *const *rows,
                                    mcucc_range taps, int32_t column, int32_t input, int32_t inputs,
                                    int32_t even, int32_t odd)
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
            mcucc_dot(&sums, rows[row] + at + input, weights, weights + to_odd, inputs);
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
                            int8_t *out, int32_t first, int32_t input_column,
                            mcucc_rounding rounding)
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
                window_sums(params, rows, taps, column, group * inputs, inputs, even, odd);
            const output_pair pair = select_outputs(params, even, odd);
            store(&pair, sums, out, rounding);
        }
    }
}

MCUCC_INLINE void conv2d(const mcucc_conv2d_params *params, const int8_t *const *rows, int8_t *out,
                         const mcucc_span *span, mcucc_rounding rounding)
{
    const int32_t runs = params->groups == 1 && params->dilation_w == 1;
    const mcucc_range inside =
        mcucc_interior(span, params->kernel_w, params->stride_w, params->dilation_w,
                       params->pad_left, params->input_width);
    int32_t column = span->begin;
    while (column < span->end) {
        const int32_t first = column * params->stride_w - params->pad_left;
        /* Pairs inside; single pixels in the borders and at the end of an odd interior. */
        if (runs && column >= inside.begin && column + 1 < inside.end) {
            const int32_t offset = (first - span->input_column) * params->input_channels;
            two_pixels(params, rows, out, offset, rounding);
            column += 2;
            out += 2 * params->output_channels;
        } else {
            one_pixel(params, rows, out, first, span->input_column, rounding);
            column += 1;
            out += params->output_channels;
        }
    }
}

MCUCC_CODE void mcucc_conv2d(const mcucc_conv2d_params *params, const int8_t *const *rows,
                             int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_conv2d_double(const mcucc_conv2d_params *params, const int8_t *const *rows,
                                    int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}

MCUCC_CODE void mcucc_conv2d_short(const mcucc_conv2d_params *params, const int8_t *const *rows,
                                   int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_ROUND_SHORT);
}
