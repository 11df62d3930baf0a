/* Transpose of int16 (mcucc/transpose.h); strides count values.
 */
#ifndef MCUCC_TRANSPOSE_WIDE_H
#define MCUCC_TRANSPOSE_WIDE_H

#include "mcucc/transpose.h"

typedef mcucc_transpose_params mcucc_transpose_wide_params; /* the same fields */

void mcucc_transpose_s16_s16(const mcucc_transpose_wide_params *params, const int8_t *const *rows,
                             int8_t *out, const mcucc_span *span);

#endif
