/* Mul on Armv7E-M: y = clamp(round((a - zero_point_a) * (b - zero_point_b) * M) + zero point).
 *
 * ROW kernel as mcucc/mul.h says.
 */
#ifndef MCUCC_MUL_ARMV7EM_H
#define MCUCC_MUL_ARMV7EM_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t per_channel; /* b is one pixel for the whole tensor */
    int32_t zero_point_a;
    int32_t zero_point_b;
    int32_t multiplier; /* mcucc/finish_armv7em.h */
    int32_t addend;
    int32_t shift;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_mul_armv7em_params;

/* One function a form of requantization (mcucc/finish_armv7em.h). */
void mcucc_mul_armv7em_high(const mcucc_mul_armv7em_params *params, const int8_t *const *rows,
                            int8_t *out, const mcucc_span *span);
void mcucc_mul_armv7em_double(const mcucc_mul_armv7em_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span);

#endif
