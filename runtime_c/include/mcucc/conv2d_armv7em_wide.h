/* Conv2d on Armv7E-M of which the input, the output or both are int16 (mcucc/conv2d_armv7em.h):
 * _<input>_<output>. A run has `run` values; weights lie as mcucc/matrix_wide_armv7em.h says.
 * span->scratch holds 16 * chunks bytes and, with padding, the values of a window more.
 */
#ifndef MCUCC_CONV2D_ARMV7EM_WIDE_H
#define MCUCC_CONV2D_ARMV7EM_WIDE_H

#include "mcucc/conv2d_armv7em.h"

typedef mcucc_conv2d_armv7em_params mcucc_conv2d_armv7em_wide_params; /* the same fields */

/* One function a form of requantization (mcucc/finish_armv7em.h). */
#define MCUCC_CONV2D_ARMV7EM_WIDE(types)                                                      \
    void mcucc_conv2d_armv7em_##types##_high(const mcucc_conv2d_armv7em_wide_params *params,  \
                                             const int8_t *const *rows, int8_t *out,          \
                                             const mcucc_span *span);                         \
    void mcucc_conv2d_armv7em_##types##_shift(const mcucc_conv2d_armv7em_wide_params *params, \
                                              const int8_t *const *rows, int8_t *out,         \
                                              const mcucc_span *span);

MCUCC_CONV2D_ARMV7EM_WIDE(s8_s16)
MCUCC_CONV2D_ARMV7EM_WIDE(s16_s8)
MCUCC_CONV2D_ARMV7EM_WIDE(s16_s16)

#endif
