/* Mul on Helium: y = clamp(round((a - zero_point_a) * (b - zero_point_b) * M) + output_zero_point).
 *
 * M = multiplier * 2^-(23 + count): the form `wide` of mcucc/finish_mve.h.
 * ROW kernel. rows[0] is the pixel of column span->begin of a; rows[1] that of b or, per_channel,
 * the only pixel of b. `out` may be a, and without per_channel also b.
 */
#ifndef MCUCC_MUL_MVE_H
#define MCUCC_MUL_MVE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t per_channel; /* 1: b is one pixel, a factor per channel */
    int32_t zero_point_a;
    int32_t zero_point_b;
    int32_t multiplier;
    int32_t count;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_mul_mve_params;

void mcucc_mul_mve(const mcucc_mul_mve_params *params, const int8_t *const *rows, int8_t *out,
                   const mcucc_span *span);

#endif
