#include "mcucc/conv2d.h"

#include "mcucc/dot.h"
#include "mcucc/window.h"

/* What the parameters mean in bytes, computed once a call. Taps that are neighbours in memory
 * (one group, no dilation) make one run a kernel row; else every tap is a run. */
typedef struct {
    int32_t inputs;  /* input channels of a group */
    int32_t outputs; /* output channels of a group */
    int32_t filter;  /* bytes of one output channel's weights */
    int32_t tap;     /* bytes from one tap's input to the next one's */
    int32_t step;    /* bytes from one output column's input to the next one's */
    int32_t one_run; /* whether a kernel row is one run */
} geometry;

/* Two output channels of one group. An odd last channel is paired with itself. */
typedef struct {
    int32_t even;
    int32_t odd;
    int32_t input; /* first input channel of the group */
    const int8_t *even_weights;
    const int8_t *odd_weights;
} filter_pair;

MCUCC_INLINE geometry measure(const mcucc_conv2d_params *params)
{
    geometry shape;
    shape.inputs = params->input_channels / params->groups;
    shape.outputs = params->output_channels / params->groups;
    shape.filter = params->kernel_h * params->kernel_w * shape.inputs;
    shape.tap = params->dilation_w * params->input_channels;
    shape.step = params->stride_w * params->input_channels;
    shape.one_run = params->groups == 1 && params->dilation_w == 1;
    return shape;
}

MCUCC_INLINE filter_pair select_filters(const mcucc_conv2d_params *params, const geometry *shape,
                                        int32_t group, int32_t channel)
{
    filter_pair pair;
    pair.even = group * shape->outputs + channel;
    pair.odd = channel + 1 < shape->outputs ? pair.even + 1 : pair.even;
    pair.input = group * shape->inputs;
    pair.even_weights = params->weights + pair.even * shape->filter;
    pair.odd_weights = params->weights + pair.odd * shape->filter;
    return pair;
}

MCUCC_INLINE void store(const mcucc_conv2d_params *params, const filter_pair *pair,
                        mcucc_sums sums, int8_t *out, mcucc_rounding rounding)
{
    const int32_t zero_point = params->output_zero_point;
    const int32_t lo = params->lo;
    const int32_t hi = params->hi;
    const int8_t even = mcucc_finish(sums.even, params->multiplier[pair->even],
                                     params->shift[pair->even], zero_point, lo, hi, rounding);
    const int8_t odd = mcucc_finish(sums.odd, params->multiplier[pair->odd],
                                    params->shift[pair->odd], zero_point, lo, hi, rounding);
    out[pair->even] = even;
    out[pair->odd] = odd;
}

/* Any pixel; `first` is the input column of its first tap and may lie in the padding. */
MCUCC_INLINE void one_pixel(const mcucc_conv2d_params *params, const geometry *shape,
                            const filter_pair *pair, const int8_t *const *rows, int8_t *out,
                            int32_t first, int32_t input_column, mcucc_rounding rounding)
{
    const mcucc_range taps =
        mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
    const int32_t valid = taps.end - taps.begin;
    const int32_t before = taps.begin * shape->inputs;
    const int32_t after = (params->kernel_w - taps.end) * shape->inputs;
    const int32_t runs = shape->one_run ? valid > 0 : valid;
    const int32_t length = shape->one_run ? valid * shape->inputs : shape->inputs;
    const int32_t column = first + taps.begin * params->dilation_w - input_column;
    const int32_t offset = column * params->input_channels + pair->input;
    const int8_t *even = pair->even_weights;
    const int8_t *odd = pair->odd_weights;
    mcucc_sums sums = {params->bias[pair->even], params->bias[pair->odd]};

    for (int32_t row = 0; row < params->kernel_h; ++row) {
        mcucc_dot_constant(&sums, params->input_zero_point, even, odd, before);
        even += before;
        odd += before;
        for (int32_t run = 0; run < runs; ++run) {
            const int8_t *x = rows[row] + offset + run * shape->tap;
            mcucc_dot(&sums, x, even, odd, length);
            even += length;
            odd += length;
        }
        mcucc_dot_constant(&sums, params->input_zero_point, even, odd, after);
        even += after;
        odd += after;
    }
    store(params, pair, sums, out, rounding);
}

/* Two neighbouring pixels without padding; `offset` is the byte of the first one's first tap. */
MCUCC_INLINE void two_pixels(const mcucc_conv2d_params *params, const geometry *shape,
                             const filter_pair *pair, const int8_t *const *rows, int8_t *out,
                             int32_t offset, mcucc_rounding rounding)
{
    const int32_t runs = shape->one_run ? 1 : params->kernel_w;
    const int32_t length = shape->one_run ? params->kernel_w * shape->inputs : shape->inputs;
    const int8_t *even = pair->even_weights;
    const int8_t *odd = pair->odd_weights;
    mcucc_sums p = {params->bias[pair->even], params->bias[pair->odd]};
    mcucc_sums q = p;

    for (int32_t row = 0; row < params->kernel_h; ++row) {
        for (int32_t run = 0; run < runs; ++run) {
            const int8_t *x = rows[row] + offset + pair->input + run * shape->tap;
            mcucc_dot_pair(&p, &q, x, shape->step, even, odd, length);
            even += length;
            odd += length;
        }
    }
    store(params, pair, p, out, rounding);
    store(params, pair, q, out + params->output_channels, rounding);
}

/* All channels of the pixel at `column`, or (two != 0) of it and its right neighbour. */
MCUCC_INLINE void all_channels(const mcucc_conv2d_params *params, const geometry *shape,
                               const int8_t *const *rows, int8_t *out, int32_t column,
                               int32_t input_column, int32_t two, mcucc_rounding rounding)
{
    const int32_t first = column * params->stride_w - params->pad_left;
    const int32_t offset = (first - input_column) * params->input_channels;
    const int32_t groups = params->groups;

    for (int32_t group = 0; group < groups; ++group) {
        for (int32_t channel = 0; channel < shape->outputs; channel += 2) {
            const filter_pair pair = select_filters(params, shape, group, channel);
            if (two) {
                two_pixels(params, shape, &pair, rows, out, offset, rounding);
            } else {
                one_pixel(params, shape, &pair, rows, out, first, input_column, rounding);
            }
        }
    }
}

MCUCC_INLINE void conv2d(const mcucc_conv2d_params *params, const int8_t *const *rows, int8_t *out,
                         const mcucc_span *span, mcucc_rounding rounding)
{
    const geometry shape = measure(params);
    const mcucc_range inside = mcucc_interior(span, params->kernel_w, params->stride_w,
                                              params->dilation_w, params->pad_left,
                                              params->input_width);
    int32_t column = span->begin;
    while (column < span->end) {
        /* Pairs inside; single pixels in the borders and at the end of an odd interior. */
        if (column >= inside.begin && column + 1 < inside.end) {
            all_channels(params, &shape, rows, out, column, span->input_column, 1, rounding);
            column += 2;
            out += 2 * params->output_channels;
        } else {
            all_channels(params, &shape, rows, out, column, span->input_column, 0, rounding);
            column += 1;
            out += params->output_channels;
        }
    }
}

void mcucc_conv2d(const mcucc_conv2d_params *params, const int8_t *const *rows, int8_t *out,
                  const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

void mcucc_conv2d_double(const mcucc_conv2d_params *params, const int8_t *const *rows, int8_t *out,
                         const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}
