/* Conv2d on Armv7E-M: any kernel size, stride and dilation, one group.
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * The taps of a window are `kernel_h * runs` runs of `run` bytes that lie together in memory: a
 * kernel row (runs 1) or, with dilation, single taps (runs kernel_w). Of each run the full chunks
 * of 4 inputs come first, in the order of the runs; then the up to 3 last inputs of all runs.
 * ROW kernel as mcucc/conv2d.h says; span->scratch holds 16 * chunks bytes and, with padding,
 * kernel_h * kernel_w * input_channels more.
 */
#ifndef MCUCC_CONV2D_ARMV7EM_H
#define MCUCC_CONV2D_ARMV7EM_H

#include "mcucc/mcucc.h"

/* Limits of this kernel: runs of a window, inputs that are left over from full chunks. */
#define MCUCC_CONV2D_MAX_RUNS 64
#define MCUCC_CONV2D_MAX_TAIL 64

typedef struct {
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_w;
    int32_t dilation_w;
    int32_t pad_left;
    int32_t input_width; /* of the whole tensor, in pixels */
    int32_t input_channels;
    int32_t output_channels;
    int32_t runs;           /* in each kernel row */
    int32_t run;            /* bytes of a run */
    int32_t chunks;         /* of 4 inputs, in a window */
    int32_t wide;           /* whether weights are pairs of int16 */
    const uint32_t *stream; /* bias, weights and requantization: mcucc/matrix_armv7em.h */
    int32_t input_zero_point;
    int32_t output_zero_point; /* COMMON: the addend (mcucc/finish_armv7em.h) */
    int32_t lo;                /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_conv2d_armv7em_params;

/* One function a form of requantization (mcucc/finish_armv7em.h); int4 and int2: packed weights
 * (mcucc/matrix_packed_armv7em.h), not wide, for 2 bits of even chunks. */
#define MCUCC_CONV2D_ARMV7EM(name)                                              \
    void mcucc_conv2d_armv7em_##name(const mcucc_conv2d_armv7em_params *params, \
                                     const int8_t *const *rows, int8_t *out,    \
                                     const mcucc_span *span);
#define MCUCC_CONV2D_ARMV7EM_FORMS(prefix) \
    MCUCC_CONV2D_ARMV7EM(prefix##high)     \
    MCUCC_CONV2D_ARMV7EM(prefix##common)   \
    MCUCC_CONV2D_ARMV7EM(prefix##shift)    \
    MCUCC_CONV2D_ARMV7EM(prefix##double)

MCUCC_CONV2D_ARMV7EM_FORMS()
MCUCC_CONV2D_ARMV7EM_FORMS(int4_)
MCUCC_CONV2D_ARMV7EM_FORMS(int2_)

#endif
