/* Add and Sub with the rounding of the LiteRT reference kernels: each input rescaled by itself.
 *
 *     sum = scale_a((a - zero_point_a) * 2^20) + scale_b((b - zero_point_b) * 2^20)    (Sub: -)
 *     y   = clamp(scale_sum(sum) + output_zero_point)
 *
 * scale_i(v) is v * multiplier_i * 2^-shift_i, rounded twice.
 * ROW kernel. rows[0] and rows[1] are the pixels of column span->begin of a and b, `out` that of
 * the output, which may be either input.
 */
#ifndef MCUCC_ADD_DOUBLE_H
#define MCUCC_ADD_DOUBLE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t multiplier_a;
    int32_t multiplier_b;
    int32_t multiplier_sum;
    int32_t shift_a;
    int32_t shift_b;
    int32_t shift_sum;
    int32_t zero_point_a;
    int32_t zero_point_b;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_add_double_params;

void mcucc_add_double(const mcucc_add_double_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span);

void mcucc_sub_double(const mcucc_add_double_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span);

#endif
