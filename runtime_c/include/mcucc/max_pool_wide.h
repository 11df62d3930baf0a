/* MaxPool of int16 (mcucc/max_pool.h); rows of padding hold -32768.
 */
#ifndef MCUCC_MAX_POOL_WIDE_H
#define MCUCC_MAX_POOL_WIDE_H

#include "mcucc/max_pool.h"

typedef mcucc_max_pool_params mcucc_max_pool_wide_params; /* the same fields */

void mcucc_max_pool_s16_s16(const mcucc_max_pool_wide_params *params, const int8_t *const *rows,
                            int8_t *out, const mcucc_span *span);

#endif
