/* MatMul by SMLAD: a row of a is widened once; transposed two pixels of b a time, else two pixels and
 * four channels (mcucc/mat_mul.h says what is computed, and of what).
 *
 * span->scratch: transposed 2 bytes for each of the depth in full fours and 4 for each pixel of a row
 * of b, else 2 bytes for each of the depth.
 */
#ifndef MCUCC_MAT_MUL_ARMV7EM_H
#define MCUCC_MAT_MUL_ARMV7EM_H

#include "mcucc/mat_mul.h"

typedef mcucc_mat_mul_params mcucc_mat_mul_armv7em_params;

void mcucc_mat_mul_armv7em(const mcucc_mat_mul_armv7em_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span);

/* The same with the rounding of the LiteRT reference kernels. */
void mcucc_mat_mul_armv7em_double(const mcucc_mat_mul_armv7em_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
