/* Add and Sub of int16 with the rounding of the LiteRT reference kernels (mcucc/add_double.h):
 * inputs are shifted left by 15 bits, not 20, before they are rescaled.
 */
#ifndef MCUCC_ADD_DOUBLE_WIDE_H
#define MCUCC_ADD_DOUBLE_WIDE_H

#include "mcucc/add_double.h"

typedef mcucc_add_double_params mcucc_add_double_wide_params; /* the same fields */

void mcucc_add_s16_s16_s16_double(const mcucc_add_double_wide_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_sub_s16_s16_s16_double(const mcucc_add_double_wide_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
