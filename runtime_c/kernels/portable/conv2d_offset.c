#include "mcucc/conv2d_offset.h"

#include "mcucc/dot.h"
#include "mcucc/window.h"

/* One group of one pixel: `rows` + `at` is its first tap inside the input, if there is one. */
typedef struct {
    const int8_t *const *rows;
    int32_t at;
    mcucc_range taps;
    int32_t inputs;
} group_window;

MCUCC_CODE static int32_t window_total(const mcucc_conv2d_params *params,
                                       const group_window *window)
{
    const int32_t inside = window->taps.end - window->taps.begin;
    const int32_t padding = (params->kernel_w - inside) * window->inputs;
    int32_t sum = params->kernel_h * padding * params->input_zero_point;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        const int8_t *x = window->rows[row] + window->at;
        for (int32_t tap = 0; tap < inside; ++tap) {
            for (int32_t i = 0; i < window->inputs; ++i) {
                sum += x[i];
            }
            x += params->dilation_w * params->input_channels;
        }
    }
    return sum;
}

/* Adds the products of two output channels, whose weights lie `to_odd` apart. */
MCUCC_CODE static mcucc_sums add_window(const mcucc_conv2d_params *params,
                                        const group_window *window, mcucc_sums sums,
                                        const int8_t *weights, int32_t to_odd)
{
    const int32_t inputs = window->inputs;
    const int32_t before = window->taps.begin * inputs;
    const int32_t after = (params->kernel_w - window->taps.end) * inputs;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        const int8_t *x = window->rows[row] + window->at;
        mcucc_dot_constant(&sums, params->input_zero_point, weights, weights + to_odd, before);
        weights += before;
        for (int32_t tap = window->taps.begin; tap < window->taps.end; ++tap) {
            mcucc_dot(&sums, x, weights, weights + to_odd, inputs);
            x += params->dilation_w * params->input_channels;
            weights += inputs;
        }
        mcucc_dot_constant(&sums, params->input_zero_point, weights, weights + to_odd, after);
        weights += after;
    }
    return sums;
}

/* The sum of one output channel of a group of one input, as depthwise convolutions have them. */
MCUCC_CODE static int32_t one_input(const mcucc_conv2d_params *params, const group_window *window,
                                    const int8_t *weights, int32_t offset)
{
    const int32_t step = params->dilation_w * params->input_channels;
    const int32_t inside = window->taps.end - window->taps.begin;
    const int32_t after = params->kernel_w - window->taps.end;
    int32_t sum = 0;
    int32_t padding = 0;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        const int8_t *x = window->rows[row] + window->at;
        for (int32_t tap = window->taps.begin; tap > 0; --tap) {
            padding += *weights++ + offset;
        }
        for (int32_t tap = inside; tap > 0; --tap) {
            sum += *x * (*weights++ + offset);
            x += step;
        }
        for (int32_t tap = after; tap > 0; --tap) {
            padding += *weights++ + offset;
        }
    }
    return sum + params->input_zero_point * padding;
}

MCUCC_INLINE int8_t finish(const mcucc_conv2d_params *params, int32_t channel, int32_t sum,
                           mcucc_rounding rounding)
{
    return mcucc_finish(sum, params->multiplier[channel], params->shift[channel],
                        params->output_zero_point, params->lo, params->hi, rounding);
}

/* The output channels of one group; sum x * (w + offset) is sum x * w + offset * sum x. */
MCUCC_INLINE void one_group(const mcucc_conv2d_offset_params *params, const group_window *window,
                            int32_t group, int8_t *out, mcucc_rounding rounding)
{
    const mcucc_conv2d_params *plain = &params->plain;
    const int32_t outputs = plain->output_channels / plain->groups;
    const int32_t filter = plain->kernel_h * plain->kernel_w * window->inputs;
    const int32_t end = (group + 1) * outputs;

    if (window->inputs == 1) {
        for (int32_t channel = group * outputs; channel < end; ++channel) {
            const int8_t *weights = plain->weights + channel * filter;
            const int32_t sum = one_input(plain, window, weights, params->weight_offset);
            out[channel] = finish(plain, channel, plain->bias[channel] + sum, rounding);
        }
        return;
    }
    const int32_t share = params->weight_offset * window_total(plain, window);
    for (int32_t even = group * outputs; even < end; even += 2) {
        const int32_t odd = even + 1 < end ? even + 1 : even;
        const mcucc_sums start = {plain->bias[even] + share, plain->bias[odd] + share};
        const int8_t *weights = plain->weights + even * filter;
        const mcucc_sums sums = add_window(plain, window, start, weights, (odd - even) * filter);
        out[even] = finish(plain, even, sums.even, rounding);
        out[odd] = finish(plain, odd, sums.odd, rounding);
    }
}

MCUCC_CODE static int32_t rows_total(const int8_t *const *rows, int32_t count, int32_t at,
                                     int32_t length)
{
    int32_t sum = 0;
    for (int32_t row = 0; row < count; ++row) {
        const int8_t *x = rows[row] + at;
        for (int32_t i = 0; i < length; ++i) {
            sum += x[i];
        }
    }
    return sum;
}

/* Two neighbouring pixels without padding, one group, no dilation: kernel rows are runs of bytes,
 * `at` is the first one of the first pixel. */
MCUCC_INLINE void two_pixels(const mcucc_conv2d_offset_params *params, const int8_t *const *rows,
                             int32_t at, int8_t *out, mcucc_rounding rounding)
{
    const mcucc_conv2d_params *plain = &params->plain;
    const int32_t length = plain->kernel_w * plain->input_channels;
    const int32_t filter = plain->kernel_h * length;
    const int32_t step = plain->stride_w * plain->input_channels;
    const int32_t end = plain->output_channels;
    const int32_t p_total = rows_total(rows, plain->kernel_h, at, length);
    const int32_t q_total = rows_total(rows, plain->kernel_h, at + step, length);

    for (int32_t even = 0; even < end; even += 2) {
        const int32_t odd = even + 1 < end ? even + 1 : even;
        const int32_t to_odd = (odd - even) * filter;
        const int8_t *weights = plain->weights + even * filter;
        const int32_t p_share = params->weight_offset * p_total;
        const int32_t q_share = params->weight_offset * q_total;
        mcucc_sums p = {plain->bias[even] + p_share, plain->bias[odd] + p_share};
        mcucc_sums q = {plain->bias[even] + q_share, plain->bias[odd] + q_share};
        for (int32_t row = 0; row < plain->kernel_h; ++row) {
            mcucc_dot_pair(&p, &q, rows[row] + at, step, weights, weights + to_odd, length);
            weights += length;
        }
        out[even] = finish(plain, even, p.even, rounding);
        out[odd] = finish(plain, odd, p.odd, rounding);
        out[end + even] = finish(plain, even, q.even, rounding);
        out[end + odd] = finish(plain, odd, q.odd, rounding);
    }
}

MCUCC_INLINE void conv2d_offset(const mcucc_conv2d_offset_params *params, const int8_t *const *rows,
                                int8_t *out, const mcucc_span *span, mcucc_rounding rounding)
{
    const mcucc_conv2d_params *plain = &params->plain;
    const int32_t inputs = plain->input_channels / plain->groups;
    const int32_t runs = plain->groups == 1 && plain->dilation_w == 1 && inputs > 1;
    const mcucc_range interior =
        mcucc_interior(span, plain->kernel_w, plain->stride_w, plain->dilation_w, plain->pad_left,
                       plain->input_width);

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t first = column * plain->stride_w - plain->pad_left;
        if (runs && column >= interior.begin && column + 1 < interior.end) {
            const int32_t at = (first - span->input_column) * inputs;
            two_pixels(params, rows, at, out, rounding);
            column += 1;
            out += 2 * plain->output_channels;
            continue;
        }
        const mcucc_range taps =
            mcucc_valid_taps(first, plain->kernel_w, plain->dilation_w, plain->input_width);
        const int32_t begin = first + taps.begin * plain->dilation_w - span->input_column;
        for (int32_t group = 0; group < plain->groups; ++group) {
            const int32_t at = begin * plain->input_channels + group * inputs;
            const group_window window = {rows, at, taps, inputs};
            one_group(params, &window, group, out, rounding);
        }
        out += plain->output_channels;
    }
}

MCUCC_CODE void mcucc_conv2d_offset(const mcucc_conv2d_offset_params *params,
                                    const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    conv2d_offset(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_conv2d_offset_double(const mcucc_conv2d_offset_params *params,
                                           const int8_t *const *rows, int8_t *out,
                                           const mcucc_span *span)
{
    conv2d_offset(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}
