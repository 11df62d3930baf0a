/* Convolution of int16 whose sums int32 does not hold, as LiteRT computes it: 64-bit sums, factors
 * of 15 bits. Any kernel, stride, dilation, padding and group count; depthwise is a group a channel.
 *
 *     y[o] = clamp(((bias[o] + sum x * w[o]) * multiplier[o] + 2^(shift[o] - 1)) >> shift[o])
 *
 * Padding is 0 and left out; sums stay below 2^47. ROW kernel as mcucc/conv2d.h says, the pointers
 * of padded rows are NULL.
 */
#ifndef MCUCC_CONV2D_LONG_WIDE_H
#define MCUCC_CONV2D_LONG_WIDE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_w;
    int32_t dilation_w;
    int32_t pad_left;
    int32_t input_width; /* of the whole tensor, in pixels */
    int32_t input_channels;
    int32_t output_channels;
    int32_t groups;
    const int8_t *weights;    /* [output_channels][kernel_h][kernel_w][input_channels / groups] */
    const int32_t *bias_low;  /* the low words of biases */
    const int32_t *bias_high; /* the high words */
    const int16_t *multiplier;
    const uint8_t *shift;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_conv2d_long_wide_params;

void mcucc_conv2d_long_s16_s16(const mcucc_conv2d_long_wide_params *params,
                               const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
