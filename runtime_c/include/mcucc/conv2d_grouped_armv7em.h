/* Conv2d on Armv7E-M in groups: any kernel size, stride and dilation.
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * Group by group what mcucc/conv2d_armv7em.h does, a run being the channels of a group in one tap.
 * ROW kernel as mcucc/conv2d.h says; span->scratch holds 16 * chunks bytes and, with padding,
 * input_channels more.
 */
#ifndef MCUCC_CONV2D_GROUPED_ARMV7EM_H
#define MCUCC_CONV2D_GROUPED_ARMV7EM_H

#include "mcucc/conv2d_armv7em.h"

typedef struct {
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_w;
    int32_t dilation_w;
    int32_t pad_left;
    int32_t input_width;     /* of the whole tensor, in pixels */
    int32_t input_channels;  /* of all groups */
    int32_t output_channels; /* of all groups */
    int32_t groups;
    int32_t padded;         /* whether columns may lie outside the input */
    int32_t chunks;         /* of 4 inputs, in a window of a group */
    int32_t wide;           /* whether weights are pairs of int16 */
    int32_t stream_words;   /* of a group */
    const uint32_t *stream; /* group by group: mcucc/matrix_armv7em.h */
    int32_t input_zero_point;
    int32_t output_zero_point; /* COMMON: the addend (mcucc/finish_armv7em.h) */
    int32_t lo;                /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_conv2d_grouped_armv7em_params;

/* One function a form of requantization (mcucc/finish_armv7em.h). */
#define MCUCC_CONV2D_GROUPED_ARMV7EM(form)                                                      \
    void mcucc_conv2d_grouped_armv7em_##form(const mcucc_conv2d_grouped_armv7em_params *params, \
                                             const int8_t *const *rows, int8_t *out,            \
                                             const mcucc_span *span);
MCUCC_CONV2D_GROUPED_ARMV7EM(high)
MCUCC_CONV2D_GROUPED_ARMV7EM(common)
MCUCC_CONV2D_GROUPED_ARMV7EM(shift)
MCUCC_CONV2D_GROUPED_ARMV7EM(double)

#endif
