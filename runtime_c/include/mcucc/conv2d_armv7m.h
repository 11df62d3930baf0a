/* Conv2d of one group on Armv7-M without DSP (Cortex-M3): SMLAL on two pixels a word
 * (mcucc/pairs.h).
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * Lanes are 23 bits apart and accumulators 64 bits wide, so that a whole window fits: the compiler
 * proves that no sum leaves 23 bits. Output channels go in fours, missing ones all zeros; taps are
 * even, missing last ones zero: weights are [four][tap][4]. Packed weights (mcucc/packed.h; of 2
 * bits taps in fours) are summed in their own steps.
 * ROW kernel as mcucc/conv2d.h says; span->scratch holds 4 * taps bytes.
 */
#ifndef MCUCC_CONV2D_ARMV7M_H
#define MCUCC_CONV2D_ARMV7M_H

#include "mcucc/finish.h"
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
    int32_t taps;        /* inputs of a window, even */
    const void *weights; /* int8_t, packed uint32_t */
    mcucc_finish_tables finish;
    int32_t input_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_conv2d_armv7m_params;

/* One function a storage of weights (none: int8) and form of requantization (mcucc/finish.h). */
#define MCUCC_CONV2D_ARMV7M(name)                                             \
    void mcucc_conv2d_armv7m_##name(const mcucc_conv2d_armv7m_params *params, \
                                    const int8_t *const *rows, int8_t *out,   \
                                    const mcucc_span *span);
#define MCUCC_CONV2D_ARMV7M_FORMS(prefix) \
    MCUCC_CONV2D_ARMV7M(prefix##short)    \
    MCUCC_CONV2D_ARMV7M(prefix##common)   \
    MCUCC_CONV2D_ARMV7M(prefix##shift)    \
    MCUCC_CONV2D_ARMV7M(prefix##double)

MCUCC_CONV2D_ARMV7M_FORMS()
MCUCC_CONV2D_ARMV7M_FORMS(int4_)
MCUCC_CONV2D_ARMV7M_FORMS(int2_)

#endif
