/* Add on Helium: y = clamp((a * multiplier_a + b * multiplier_b + bias) >> shift).
 *
 * `bias` holds the zero points of both inputs and of the output and the rounding constant; every
 * partial sum fits int32.
 * ROW kernel. rows[0] and rows[1] are the pixels of column span->begin of a and b, `out` that of
 * the output, which may be either input.
 */
#ifndef MCUCC_ADD_MVE_H
#define MCUCC_ADD_MVE_H

#include "mcucc/add_armv7em.h"

typedef mcucc_add_armv7em_params mcucc_add_mve_params;

void mcucc_add_mve(const mcucc_add_mve_params *params, const int8_t *const *rows, int8_t *out,
                   const mcucc_span *span);

#endif
