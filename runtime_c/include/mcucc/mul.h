/* Mul: y = clamp(round((a - zero_point_a) * (b - zero_point_b) * M) + output_zero_point).
 *
 * ROW kernel. rows[0] is the pixel of column span->begin of a; rows[1] that of b or, per_channel,
 * the only pixel of b. `out` may be a, and without per_channel also b.
 */
#ifndef MCUCC_MUL_H
#define MCUCC_MUL_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t per_channel; /* 1: b is one pixel, a factor per channel */
    int32_t zero_point_a;
    int32_t zero_point_b;
    int32_t multiplier; /* M = multiplier * 2^-shift */
    int32_t shift;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_mul_params;

void mcucc_mul(const mcucc_mul_params *params, const int8_t *const *rows, int8_t *out,
               const mcucc_span *span);

/* The same with the rounding of the LiteRT reference kernels. */
void mcucc_mul_double(const mcucc_mul_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span);

#endif
