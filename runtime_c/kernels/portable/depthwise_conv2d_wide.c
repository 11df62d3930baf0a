#include "mcucc/depthwise_conv2d_wide.h"

#include "mcucc/wide.h"
#include "mcucc/window.h"

/* Outputs are summed in blocks of four channels of a pixel, taps outside, channels inside, so that
 * what is loaded lies side by side. */
#define BLOCK 4

/* One pixel: its taps [taps.begin, taps.end) lie inside the input, the first of them `offset`
 * values into every row; the others are padding. */
typedef struct {
    const int8_t *const *rows;
    mcucc_range taps;
    int32_t offset;
} pixel;

/* `width` outputs from `output` on, BLOCK (of as many inputs from `input` on) or 1. `padded` says
 * whether taps may lie outside, where they read zero points. Constants: width, padded, element. */
MCUCC_INLINE void sum_block(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                            int32_t input, int32_t output, int32_t *sums, int32_t width,
                            int32_t padded, mcucc_element element)
{
    const int32_t zero = params->input_zero_point;
    const int32_t tap_step = params->dilation_w * params->input_channels;
    const int32_t outputs = params->input_channels * params->depth_multiplier;
    const int32_t begin = padded ? at->taps.begin : 0;
    const int32_t end = padded ? at->taps.end : params->kernel_w;
    const int32_t *bias = params->bias + output;
    int32_t a = bias[0];
    int32_t b = width == BLOCK ? bias[1] : 0;
    int32_t c = width == BLOCK ? bias[2] : 0;
    int32_t d = width == BLOCK ? bias[3] : 0;

    for (int32_t row = 0; row < params->kernel_h; ++row) {
        const int8_t *x = mcucc_at(at->rows[row], at->offset + input, element);
        const int8_t *w = params->weights + (row * params->kernel_w * outputs + output);
        for (int32_t tap = 0; tap < params->kernel_w; ++tap) {
            const int32_t outside = padded && (tap < begin || tap >= end);
            a += (outside ? zero : mcucc_get(x, 0, element)) * w[0];
            if (width == BLOCK) {
                b += (outside ? zero : mcucc_get(x, 1, element)) * w[1];
                c += (outside ? zero : mcucc_get(x, 2, element)) * w[2];
                d += (outside ? zero : mcucc_get(x, 3, element)) * w[3];
            }
            x = outside ? x : mcucc_at(x, tap_step, element);
            w += outputs;
        }
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

MCUCC_OUTLINE void sum_inside_s8(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                                 int32_t input, int32_t output, int32_t *sums)
{
    sum_block(params, at, input, output, sums, BLOCK, 0, MCUCC_S8);
}

MCUCC_OUTLINE void sum_border_s8(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                                 int32_t input, int32_t output, int32_t *sums)
{
    sum_block(params, at, input, output, sums, BLOCK, 1, MCUCC_S8);
}

MCUCC_OUTLINE void sum_one_s8(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                              int32_t input, int32_t output, int32_t *sums)
{
    sum_block(params, at, input, output, sums, 1, 1, MCUCC_S8);
}

MCUCC_OUTLINE void sum_inside_s16(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                                  int32_t input, int32_t output, int32_t *sums)
{
    sum_block(params, at, input, output, sums, BLOCK, 0, MCUCC_S16);
}

MCUCC_OUTLINE void sum_border_s16(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                                  int32_t input, int32_t output, int32_t *sums)
{
    sum_block(params, at, input, output, sums, BLOCK, 1, MCUCC_S16);
}

MCUCC_OUTLINE void sum_one_s16(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                               int32_t input, int32_t output, int32_t *sums)
{
    sum_block(params, at, input, output, sums, 1, 1, MCUCC_S16);
}

MCUCC_INLINE void sum(const mcucc_depthwise_conv2d_params *params, const pixel *at, int32_t input,
                      int32_t output, int32_t *sums, int32_t width, mcucc_element element)
{
    const int32_t full = at->taps.end - at->taps.begin == params->kernel_w;
    const int32_t wide = element == MCUCC_S16;
    if (width == 1) {
        (wide ? sum_one_s16 : sum_one_s8)(params, at, input, output, sums);
    } else if (full) {
        (wide ? sum_inside_s16 : sum_inside_s8)(params, at, input, output, sums);
    } else {
        (wide ? sum_border_s16 : sum_border_s8)(params, at, input, output, sums);
    }
}

/* All channels of a pixel. The last block steps back to end at the last channel, computing some
 * channels twice. */
MCUCC_INLINE void channels(const mcucc_depthwise_conv2d_params *params, const pixel *at,
                           int8_t *out, mcucc_element input, mcucc_element output,
                           mcucc_rounding rounding)
{
    const int32_t multiplier = params->depth_multiplier;
    const int32_t count = params->input_channels * multiplier;
    const int32_t width = multiplier == 1 && count >= BLOCK ? BLOCK : 1;
    int32_t sums[BLOCK];

    for (int32_t channel = 0; channel < count; channel += width) {
        const int32_t first = channel + width <= count ? channel : count - width;
        sum(params, at, first / multiplier, first, sums, width, input);
        for (int32_t i = 0; i < width; ++i) {
            const int32_t value =
                mcucc_finish_value(sums[i], params->multiplier[first + i], params->shift[first + i],
                                   params->output_zero_point, params->lo, params->hi, rounding);
            mcucc_put(out, first + i, value, output);
        }
    }
}

MCUCC_INLINE void depthwise_conv2d(const mcucc_depthwise_conv2d_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                   mcucc_element input, mcucc_element output,
                                   mcucc_rounding rounding)
{
    const int32_t inputs = params->input_channels;

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t first = column * params->stride_w - params->pad_left;
        pixel at;
        at.rows = rows;
        at.taps =
            mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
        at.offset = (first + at.taps.begin * params->dilation_w - span->input_column) * inputs;
        channels(params, &at, out, input, output, rounding);
        out = mcucc_at_out(out, inputs * params->depth_multiplier, output);
    }
}

MCUCC_CODE void mcucc_depthwise_conv2d_s8_s16(const mcucc_depthwise_conv2d_wide_params *params,
                                              const int8_t *const *rows, int8_t *out,
                                              const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void
mcucc_depthwise_conv2d_s8_s16_short(const mcucc_depthwise_conv2d_wide_params *params,
                                    const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_SHORT);
}

MCUCC_CODE void mcucc_depthwise_conv2d_s16_s8(const mcucc_depthwise_conv2d_wide_params *params,
                                              const int8_t *const *rows, int8_t *out,
                                              const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void
mcucc_depthwise_conv2d_s16_s8_short(const mcucc_depthwise_conv2d_wide_params *params,
                                    const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_SHORT);
}

MCUCC_CODE void mcucc_depthwise_conv2d_s16_s16(const mcucc_depthwise_conv2d_wide_params *params,
                                               const int8_t *const *rows, int8_t *out,
                                               const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void
mcucc_depthwise_conv2d_s16_s16_short(const mcucc_depthwise_conv2d_wide_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    depthwise_conv2d(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_SHORT);
}
