/* ConvTranspose2d on Armv7E-M, as stride_h * stride_w convolutions that share their window.
 *
 * The outputs of a phase (row + cut_top) % stride_h, (column + cut_left) % stride_w are a dense
 * convolution of taps_h * taps_w inputs, up to the one at (row + cut_top) / stride_h,
 * (column + cut_left) / stride_w, with every stride-th weight. So a window is widened once for all
 * phases of a row, and each phase has a stream (mcucc/matrix_armv7em.h), one after the other:
 * [stride_h][stride_w]. A row of a window is filled up with zeros to chunks of 4 inputs.
 * ROW kernel as mcucc/conv_transpose2d.h says, any row NULL that is outside the input;
 * span->scratch holds 16 * chunks bytes and a row of a window.
 */
#ifndef MCUCC_CONV_TRANSPOSE2D_ARMV7EM_H
#define MCUCC_CONV_TRANSPOSE2D_ARMV7EM_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t taps_h; /* ceil(kernel / stride) */
    int32_t taps_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t cut_top; /* rows and columns of the whole result left out before the output */
    int32_t cut_left;
    int32_t input_width;
    int32_t input_channels;
    int32_t output_channels;
    int32_t chunks;         /* of 4 inputs, in a window */
    int32_t wide;           /* whether weights are pairs of int16 */
    int32_t phase;          /* words of a phase's stream */
    const uint32_t *stream; /* [stride_h][stride_w][phase] */
    int32_t input_zero_point;
    int32_t output_zero_point; /* COMMON: the addend (mcucc/finish_armv7em.h) */
    int32_t lo;                /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_conv_transpose2d_armv7em_params;

/* One function a form of requantization (mcucc/finish_armv7em.h). */
#define MCUCC_CONV_TRANSPOSE2D_ARMV7EM(name)                                            \
    void mcucc_conv_transpose2d_armv7em_##name(                                         \
        const mcucc_conv_transpose2d_armv7em_params *params, const int8_t *const *rows, \
        int8_t *out, const mcucc_span *span);

MCUCC_CONV_TRANSPOSE2D_ARMV7EM(high)
MCUCC_CONV_TRANSPOSE2D_ARMV7EM(common)
MCUCC_CONV_TRANSPOSE2D_ARMV7EM(shift)
MCUCC_CONV_TRANSPOSE2D_ARMV7EM(double)

#endif
