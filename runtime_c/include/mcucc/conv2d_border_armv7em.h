/* Conv2d on Armv7E-M at a border whose padding is worth something to each output channel.
 *
 *     y[o] = clamp(round((bias[o] + added[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * What mcucc/conv2d_armv7em.h computes, pixel by pixel, with one more addend: the constants of the
 * layer are there once for its inside and all of its borders.
 */
#ifndef MCUCC_CONV2D_BORDER_ARMV7EM_H
#define MCUCC_CONV2D_BORDER_ARMV7EM_H

#include "mcucc/conv2d_armv7em.h"

typedef struct {
    mcucc_conv2d_armv7em_params layer;
    const int32_t *added; /* per output channel */
} mcucc_conv2d_border_armv7em_params;

/* One function a form of requantization (mcucc/finish_armv7em.h); int4 and int2: packed weights
 * (mcucc/matrix_packed_armv7em.h), not wide, for 2 bits of even chunks. */
#define MCUCC_CONV2D_BORDER_ARMV7EM(name)                                                     \
    void mcucc_conv2d_border_armv7em_##name(const mcucc_conv2d_border_armv7em_params *params, \
                                            const int8_t *const *rows, int8_t *out,           \
                                            const mcucc_span *span);
#define MCUCC_CONV2D_BORDER_ARMV7EM_FORMS(prefix) \
    MCUCC_CONV2D_BORDER_ARMV7EM(prefix##high)     \
    MCUCC_CONV2D_BORDER_ARMV7EM(prefix##common)   \
    MCUCC_CONV2D_BORDER_ARMV7EM(prefix##shift)    \
    MCUCC_CONV2D_BORDER_ARMV7EM(prefix##double)

MCUCC_CONV2D_BORDER_ARMV7EM_FORMS()
MCUCC_CONV2D_BORDER_ARMV7EM_FORMS(int4_)
MCUCC_CONV2D_BORDER_ARMV7EM_FORMS(int2_)

#endif
