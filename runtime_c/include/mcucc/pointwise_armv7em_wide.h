/* 1x1 convolution on Armv7E-M of which the input, the output or both are int16
 * (mcucc/pointwise_armv7em.h): _<input>_<output>. Weights lie as mcucc/matrix_wide_armv7em.h says.
 */
#ifndef MCUCC_POINTWISE_ARMV7EM_WIDE_H
#define MCUCC_POINTWISE_ARMV7EM_WIDE_H

#include "mcucc/pointwise_armv7em.h"

typedef mcucc_pointwise_armv7em_params mcucc_pointwise_armv7em_wide_params; /* the same fields */

/* One function a form of requantization (mcucc/finish_armv7em.h). */
#define MCUCC_POINTWISE_ARMV7EM_WIDE(types)                                                        \
    void mcucc_pointwise_armv7em_##types##_high(const mcucc_pointwise_armv7em_wide_params *params, \
                                                const int8_t *const *rows, int8_t *out,            \
                                                const mcucc_span *span);                           \
    void mcucc_pointwise_armv7em_##types##_shift(                                                  \
        const mcucc_pointwise_armv7em_wide_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span);

MCUCC_POINTWISE_ARMV7EM_WIDE(s8_s16)
MCUCC_POINTWISE_ARMV7EM_WIDE(s16_s8)
MCUCC_POINTWISE_ARMV7EM_WIDE(s16_s16)

#endif
