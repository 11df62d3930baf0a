/* Conv2d: any kernel, stride, dilation, padding and group count.
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * multiplier[o] * 2^-shift[o]) + zero_point)
 *
 * ROW kernel. `rows` holds kernel_h pointers, dilation applied, each at input column
 * span->input_column; rows of padding hold input_zero_point, which also stands for the columns
 * outside [0, input_width). `out` is the pixel of column span->begin.
 */
#ifndef MCUCC_CONV2D_H
#define MCUCC_CONV2D_H

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
    const int8_t *weights;     /* [output_channels][kernel_h][kernel_w][input_channels / groups] */
    const int32_t *bias;       /* the input's zero point already folded in */
    const int32_t *multiplier; /* per output channel */
    const uint8_t *shift;      /* per output channel */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_conv2d_params;

void mcucc_conv2d(const mcucc_conv2d_params *params, const int8_t *const *rows, int8_t *out,
                  const mcucc_span *span);

/* The same with the rounding of the LiteRT reference kernels. */
void mcucc_conv2d_double(const mcucc_conv2d_params *params, const int8_t *const *rows, int8_t *out,
                         const mcucc_span *span);

/* Single rounding in 32 bits, where the compiler proved it equal: all channels have one shift, and
 * output_zero_point holds zero_point * 2^shift + 2^(shift - 1). */
void mcucc_conv2d_short(const mcucc_conv2d_params *params, const int8_t *const *rows, int8_t *out,
                        const mcucc_span *span);

#endif
