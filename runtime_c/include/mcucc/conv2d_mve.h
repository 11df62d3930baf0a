/* Conv2d on Helium: any kernel size, stride, dilation and padding, one group.
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * The rows of a window are laid side by side in scratch, column by column: a strip of columns of
 * kernel_h * input_channels bytes. There the taps of a window lie together, and those of the next
 * window overlap them: every input is copied once a row of outputs. Weights are in that order.
 * Where there are columns between the taps (dilation, wide strides) each window has columns of its
 * own.
 * ROW kernel as mcucc/conv2d.h says; span->scratch holds as many columns as `tile` windows have:
 * (tile - 1) * stride_w + kernel_w, else tile * kernel_w.
 */
#ifndef MCUCC_CONV2D_MVE_H
#define MCUCC_CONV2D_MVE_H

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
    int32_t tile;           /* output columns at a time, a multiple of 4 */
    const uint8_t *scatter; /* [16], of a vector of inputs: where they go in the strip */
    const int8_t *weights;  /* [output_channels][kernel_w][kernel_h][input_channels], 16 bytes */
    const int32_t *finish;  /* mcucc/finish_mve.h */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_conv2d_mve_params;

/* One function a form of requantization (mcucc/finish_mve.h); int4 and int2: packed weights
 * (mcucc/matrix_packed_mve.h), unpacked to span->scratch before the strip. */
#define MCUCC_CONV2D_MVE(form)                                                                     \
    void mcucc_conv2d_mve_##form(const mcucc_conv2d_mve_params *params, const int8_t *const *rows, \
                                 int8_t *out, const mcucc_span *span);

#define MCUCC_CONV2D_MVE_FORMS(prefix) \
    MCUCC_CONV2D_MVE(prefix##doubling) \
    MCUCC_CONV2D_MVE(prefix##shift)    \
    MCUCC_CONV2D_MVE(prefix##wide)     \
    MCUCC_CONV2D_MVE(prefix##double)

MCUCC_CONV2D_MVE_FORMS()
MCUCC_CONV2D_MVE_FORMS(int4_)
MCUCC_CONV2D_MVE_FORMS(int2_)

#endif
