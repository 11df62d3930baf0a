/* ConvTranspose2d: y[o] = clamp(round((bias + sum (x[i] - input_zero_point) * w[k]) * M[c]) +
 * output_zero_point) over all i, k with i * stride + k - cut = o.
 *
 * ROW kernel. `rows` are the ceil(kernel_h / stride_h) input rows up to (row + cut_top) / stride_h,
 * each at the pixel of column span->input_column, NULL outside the input. Columns outside
 * [0, input_width) do not count.
 */
#ifndef MCUCC_CONV_TRANSPOSE2D_H
#define MCUCC_CONV_TRANSPOSE2D_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t cut_top; /* rows and columns of the whole result left out before the output */
    int32_t cut_left;
    int32_t input_width;
    int32_t input_channels;
    int32_t output_channels;
    const int8_t *weights;     /* [output_channels][kernel_h][kernel_w][input_channels] */
    const int32_t *bias;       /* [output_channels], as are the next two */
    const int32_t *multiplier; /* M = multiplier * 2^-shift */
    const uint8_t *shift;
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_conv_transpose2d_params;

void mcucc_conv_transpose2d(const mcucc_conv_transpose2d_params *params, const int8_t *const *rows,
                            int8_t *out, const mcucc_span *span);

/* The same with the rounding of the LiteRT reference kernels. */
void mcucc_conv_transpose2d_double(const mcucc_conv_transpose2d_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
