#include "mcucc/depthwise_conv2d.h"

#include "mcucc/window.h"

/* Channels are computed four at a time in registers, taps outside, channels inside, so that every
 * load is next to the one before it. Four is also what a 32-bit core can hold twice. */
#define BLOCK 4

typedef struct {
    int32_t a;
    int32_t b;
    int32_t c;
    int32_t d;
} sums4;

/* Where a block's inputs and outputs are. */
typedef struct {
    int32_t input;  /* its first input channel */
    int32_t output; /* its first output channel */
} block;

/* What the parameters mean in bytes, computed once a call. */
typedef struct {
    int32_t outputs; /* output channels, bytes from one tap's weights to the next one's */
    int32_t tap;     /* bytes from one tap's input to the next one's */
    int32_t step;    /* bytes from one output column's input to the next one's */
} geometry;

/* One tap of a block. `stride` is 1, or 0 when all channels of the block see one input; `width`
 * is the number of channels, BLOCK or 1. Both are constants. */
MCUCC_INLINE void mac(sums4 *sums, const int8_t *x, const int8_t *w, int32_t stride, int32_t width)
{
    sums->a += x[0] * w[0];
    if (width == BLOCK) {
        sums->b += x[stride] * w[1];
        sums->c += x[2 * stride] * w[2];
        sums->d += x[3 * stride] * w[3];
    }
}

MCUCC_INLINE sums4 start(const mcucc_depthwise_conv2d_params *params, int32_t output,
                         int32_t width)
{
    const int32_t *bias = params->bias + output;
    sums4 sums = {bias[0], 0, 0, 0};
    if (width == BLOCK) {
        sums.b = bias[1];
        sums.c = bias[2];
        sums.d = bias[3];
    }
    return sums;
}

MCUCC_INLINE void store(const mcucc_depthwise_conv2d_params *params, sums4 sums, int32_t output,
                        int8_t *out, int32_t width, mcucc_rounding rounding)
{
    const int32_t *multiplier = params->multiplier + output;
    const uint8_t *shift = params->shift + output;
    const int32_t zero = params->output_zero_point;
    const int32_t lo = params->lo;
    const int32_t hi = params->hi;
    out += output;
    out[0] = mcucc_finish(sums.a, multiplier[0], shift[0], zero, lo, hi, rounding);
    if (width == BLOCK) {
        out[1] = mcucc_finish(sums.b, multiplier[1], shift[1], zero, lo, hi, rounding);
        out[2] = mcucc_finish(sums.c, multiplier[2], shift[2], zero, lo, hi, rounding);
        out[3] = mcucc_finish(sums.d, multiplier[3], shift[3], zero, lo, hi, rounding);
    }
}

/* A block of any pixel; `first` is the input column of its first tap and may lie in the padding.
 * A tap outside the input reads a block of zero points instead. */
MCUCC_INLINE void one_pixel(const mcucc_depthwise_conv2d_params *params, const geometry *shape,
                            block at, const int8_t *const *rows, int8_t *out, int32_t first,
                            int32_t input_column, int32_t stride, int32_t width,
                            mcucc_rounding rounding)
{
    const int8_t zero = (int8_t)params->input_zero_point;
    const int8_t padding[BLOCK] = {zero, zero, zero, zero};
    const int32_t kernel_w = params->kernel_w;
    const int32_t dilation = params->dilation_w;
    const int32_t input_width = params->input_width;
    int32_t weight = at.output;
    sums4 sums = start(params, at.output, width);

    for (int32_t row = 0; row < params->kernel_h; ++row) {
        int32_t column = first;
        for (int32_t tap = 0; tap < kernel_w; ++tap) {
            const int8_t *x = padding;
            if (column >= 0 && column < input_width) {
                x = rows[row] + (column - input_column) * params->input_channels + at.input;
            }
            mac(&sums, x, params->weights + weight, stride, width);
            column += dilation;
            weight += shape->outputs;
        }
    }
    store(params, sums, at.output, out, width, rounding);
}

/* A block of two neighbouring pixels without padding: each weight loaded serves both. `offset` is
 * the byte of the first one's first tap. */
MCUCC_INLINE void two_pixels(const mcucc_depthwise_conv2d_params *params, const geometry *shape,
                             block at, const int8_t *const *rows, int8_t *out, int32_t offset,
                             int32_t stride, mcucc_rounding rounding)
{
    int32_t weight = at.output;
    sums4 p = start(params, at.output, BLOCK);
    sums4 q = p;

    for (int32_t row = 0; row < params->kernel_h; ++row) {
        int32_t input = offset + at.input;
        for (int32_t tap = 0; tap < params->kernel_w; ++tap) {
            const int8_t *x = rows[row] + input;
            const int8_t *w = params->weights + weight;
            mac(&p, x, w, stride, BLOCK);
            mac(&q, x + shape->step, w, stride, BLOCK);
            input += shape->tap;
            weight += shape->outputs;
        }
    }
    store(params, p, at.output, out, BLOCK, rounding);
    store(params, q, at.output, out + shape->outputs, BLOCK, rounding);
}

/* The columns [begin, end), `count` being the number of neighbouring outputs that are computed
 * alike: all of them with a depth multiplier of 1, else those of one input channel. The last block
 * steps back to end at the last channel, computing some channels twice. */
MCUCC_INLINE void columns(const mcucc_depthwise_conv2d_params *params, const geometry *shape,
                          const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                          int32_t count, int32_t stride, int32_t width, mcucc_rounding rounding)
{
    const mcucc_range inside = mcucc_interior(span, params->kernel_w, params->stride_w,
                                              params->dilation_w, params->pad_left,
                                              params->input_width);
    int32_t pixels;
    for (int32_t column = span->begin; column < span->end; column += pixels) {
        const int32_t first = column * params->stride_w - params->pad_left;
        const int32_t offset = (first - span->input_column) * params->input_channels;
        /* Pairs inside; single pixels in the borders and at the end of an odd interior. */
        const int32_t two = width == BLOCK && column >= inside.begin && column + 1 < inside.end;
        pixels = two ? 2 : 1;
        for (int32_t group = 0; group < shape->outputs; group += count) {
            for (int32_t channel = 0; channel < count; channel += width) {
                const int32_t from = channel + width <= count ? channel : count - width;
                const block at = {stride ? from : group / count, group + from};
                if (two) {
                    two_pixels(params, shape, at, rows, out, offset, stride, rounding);
                } else {
                    one_pixel(params, shape, at, rows, out, first, span->input_column, stride,
                              width, rounding);
                }
            }
        }
        out += pixels * shape->outputs;
    }
}

MCUCC_INLINE void depthwise_conv2d(const mcucc_depthwise_conv2d_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                   mcucc_rounding rounding)
{
    const int32_t channels = params->input_channels;
    const int32_t multiplier = params->depth_multiplier;
    const geometry shape = {channels * multiplier, params->dilation_w * channels,
                            params->stride_w * channels};

    if (multiplier == 1 && channels >= BLOCK) {
        columns(params, &shape, rows, out, span, channels, 1, BLOCK, rounding);
    } else if (multiplier >= BLOCK) {
        columns(params, &shape, rows, out, span, multiplier, 0, BLOCK, rounding);
    } else {
        columns(params, &shape, rows, out, span, multiplier, 0, 1, rounding);
    }
}

void mcucc_depthwise_conv2d(const mcucc_depthwise_conv2d_params *params, const int8_t *const *rows,
                            int8_t *out, const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

void mcucc_depthwise_conv2d_double(const mcucc_depthwise_conv2d_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}
