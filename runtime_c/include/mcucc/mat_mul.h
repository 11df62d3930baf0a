/* MatMul: y = round(M * sum (a - zero_point_a) * (b - zero_point_b)) + output_zero_point, saturated,
 * the sum over `depth` products, for each of `heads` heads.
 *
 * ROW kernel. rows[0] is the pixel of column span->begin of a: its channels are the `depth` values
 * of one row of a's matrix, head after head. rows[1] and on are the b_rows rows of b from column 0,
 * b_columns pixels each. Transposed, a pixel of b is one output's `depth` values, else those of one
 * product for all `outputs`; head after head.
 */
#ifndef MCUCC_MAT_MUL_H
#define MCUCC_MAT_MUL_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t heads;
    int32_t depth;
    int32_t outputs; /* of a head */
    int32_t transposed;
    int32_t b_rows;
    int32_t b_columns;
    int32_t zero_point_a;
    int32_t zero_point_b;
    int32_t multiplier; /* M = multiplier * 2^-shift */
    int32_t shift;
    int32_t output_zero_point;
} mcucc_mat_mul_params;

void mcucc_mat_mul(const mcucc_mat_mul_params *params, const int8_t *const *rows, int8_t *out,
                   const mcucc_span *span);

/* The same with the rounding of the LiteRT reference kernels. */
void mcucc_mat_mul_double(const mcucc_mat_mul_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

#endif
