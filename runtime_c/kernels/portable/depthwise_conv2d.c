#include "mcucc/depthwise_conv2d.h"

#include "mcucc/window.h"

/* Outputs are summed in blocks of four channels of a pixel, taps outside, channels inside, so that
 * what is loaded lies side by side. The sums are the same code for both rounding profiles. */
#define BLOCK 4

/* One pixel: its taps [taps.begin, taps.end) lie inside the input, the first of them `offset` bytes
 * into every row; the others are padding. */
typedef struct {
    const int8_t *const *rows;
    mcucc_range taps;
    int32_t offset;
} pixel;

/* The block of outputs from `output` on, its first input `input` bytes into the pixel. Constants:
 * `stride` is 1, or 0 when all channels of the block see one input; `width` is the number of
 * channels, BLOCK or 1; `padded` says whether taps may lie outside, where they read zero points. */
MCUCC_INLINE void sum_block(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                            int32_t input, int32_t output, int32_t *sums, int32_t stride,
                            int32_t width, int32_t padded)
{
    const int8_t zero = (int8_t)params->input_zero_point;
    const int8_t padding[BLOCK] = {zero, zero, zero, zero};
    const int32_t tap_bytes = params->dilation_w * params->input_channels;
    const int32_t outputs = params->input_channels * params->depth_multiplier;
    const int32_t begin = padded ? at->taps.begin : 0;
    const int32_t end = padded ? at->taps.end : params->kernel_w;
    const int32_t *bias = params->bias + output;
    int32_t a = bias[0];
    int32_t b = width == BLOCK ? bias[1] : 0;
    int32_t c = width == BLOCK ? bias[2] : 0;
    int32_t d = width == BLOCK ? bias[3] : 0;

    for (int32_t row = 0; row < params->kernel_h; ++row) {
        const int8_t *const from = at->rows[row] + (at->offset + input);
        const int8_t *const weights = params->weights + (row * params->kernel_w * outputs + output);
        for (int32_t tap = 0; tap < params->kernel_w; ++tap) {
            const int32_t outside = padded && (tap < begin || tap >= end);
            const int8_t *x = outside ? padding : from + (tap - begin) * tap_bytes;
            const int8_t *w = weights + tap * outputs;
            a += (int32_t)x[0] * w[0];
            if (width == BLOCK) {
                b += (int32_t)x[stride] * w[1];
                c += (int32_t)x[2 * stride] * w[2];
                d += (int32_t)x[3 * stride] * w[3];
            }
        }
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

MCUCC_OUTLINE void sum_inside(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                              int32_t input, int32_t output, int32_t *sums)
{
    sum_block(params, at, input, output, sums, 1, BLOCK, 0);
}

MCUCC_OUTLINE void sum_border(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                              int32_t input, int32_t output, int32_t *sums)
{
    sum_block(params, at, input, output, sums, 1, BLOCK, 1);
}

MCUCC_OUTLINE void sum_of_one_input(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                                    int32_t input, int32_t output, int32_t *sums)
{
    sum_block(params, at, input, output, sums, 0, BLOCK, 1);
}

MCUCC_OUTLINE void sum_one_channel(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                                   int32_t input, int32_t output, int32_t *sums)
{
    sum_block(params, at, input, output, sums, 0, 1, 1);
}

/* `count` neighbouring outputs from `output` on that are computed alike: all of a pixel's with a
 * depth multiplier of 1 (stride 1), else those of one input channel (stride 0). The last block
 * steps back to end at the last channel, computing some channels twice. */
MCUCC_INLINE void channels(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                           int32_t input, int32_t output, int32_t count, int32_t stride,
                           int8_t *out, mcucc_rounding rounding)
{
    const int32_t width = count >= BLOCK ? BLOCK : 1;
    const int32_t zero_point = params->output_zero_point;
    const int32_t lo = params->lo;
    const int32_t hi = params->hi;
    const int32_t full = at->taps.end - at->taps.begin == params->kernel_w;
    int32_t sums[BLOCK];

    for (int32_t channel = 0; channel < count; channel += width) {
        const int32_t first = channel + width <= count ? channel : count - width;
        const int32_t *multiplier = params->multiplier + output + first;
        const uint8_t *shift = params->shift + output + first;
        int8_t *y = out + output + first;
        if (width == 1) {
            sum_one_channel(params, at, input + first * stride, output + first, sums);
        } else if (stride == 0) {
            sum_of_one_input(params, at, input, output + first, sums);
        } else if (full) {
            sum_inside(params, at, input + first, output + first, sums);
        } else {
            sum_border(params, at, input + first, output + first, sums);
        }
        for (int32_t i = 0; i < width; ++i) {
            y[i] = mcucc_finish(sums[i], multiplier[i], shift[i], zero_point, lo, hi, rounding);
        }
    }
}

MCUCC_INLINE void depthwise_conv2d(const mcucc_depthwise_conv2d_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                   mcucc_rounding rounding)
{
    const int32_t inputs = params->input_channels;
    const int32_t multiplier = params->depth_multiplier;
    /* With a multiplier of 1 all inputs at once, else one after the other. */
    const int32_t stride = multiplier == 1;
    const int32_t count = stride ? inputs : multiplier;

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t first = column * params->stride_w - params->pad_left;
        pixel at;
        at.rows = rows;
        at.taps =
            mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
        at.offset = (first + at.taps.begin * params->dilation_w - span->input_column) * inputs;
        for (int32_t input = 0; input < inputs; input += stride ? inputs : 1) {
            channels(params, &at, input, input * multiplier, count, stride, out, rounding);
        }
        out += inputs * multiplier;
    }
}

MCUCC_CODE void mcucc_depthwise_conv2d(const mcucc_depthwise_conv2d_params *params,
                                       const int8_t *const *rows, int8_t *out,
                                       const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_depthwise_conv2d_double(const mcucc_depthwise_conv2d_params *params,
                                              const int8_t *const *rows, int8_t *out,
                                              const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}

MCUCC_CODE void mcucc_depthwise_conv2d_short(const mcucc_depthwise_conv2d_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_ROUND_SHORT);
}
