/* Conv2d on Armv7E-M whose weights are int8 and an offset of all:
 *
 *     y[o] = clamp(round((bias[o] + sum x * (w[o] + offset)) * M[o]) + output_zero_point)
 *
 * What mcucc/conv2d_armv7em.h computes. Behind the inputs of a window its last `shares` chunks hold
 * the sum of these inputs, in as many halves of words as it takes: the stream has the offset as the
 * weights there.
 */
#ifndef MCUCC_CONV2D_OFFSET_ARMV7EM_H
#define MCUCC_CONV2D_OFFSET_ARMV7EM_H

#include "mcucc/conv2d_armv7em.h"

typedef struct {
    mcucc_conv2d_armv7em_params layer; /* chunks: with shares; not wide */
    int32_t shares;
} mcucc_conv2d_offset_armv7em_params;

/* One function a form of requantization (mcucc/finish_armv7em.h). */
#define MCUCC_CONV2D_OFFSET_ARMV7EM(name)                                                     \
    void mcucc_conv2d_offset_armv7em_##name(const mcucc_conv2d_offset_armv7em_params *params, \
                                            const int8_t *const *rows, int8_t *out,           \
                                            const mcucc_span *span);

MCUCC_CONV2D_OFFSET_ARMV7EM(high)
MCUCC_CONV2D_OFFSET_ARMV7EM(common)
MCUCC_CONV2D_OFFSET_ARMV7EM(shift)
MCUCC_CONV2D_OFFSET_ARMV7EM(double)

#endif
