/* MaxPool on Helium: y = clamp(max x) over the taps of the window inside the input.
 *
 * ROW kernel as mcucc/max_pool.h says.
 */
#ifndef MCUCC_MAX_POOL_MVE_H
#define MCUCC_MAX_POOL_MVE_H

#include "mcucc/max_pool.h"

typedef mcucc_max_pool_params mcucc_max_pool_mve_params;

void mcucc_max_pool_mve(const mcucc_max_pool_mve_params *params, const int8_t *const *rows,
                        int8_t *out, const mcucc_span *span);

#endif
