/* GlobalAveragePool on Armv7E-M: channels are added in pairs of 16 bits, 256 pixels at a time.
 *
 * SINK kernel as mcucc/global_average_pool.h says.
 */
#ifndef MCUCC_GLOBAL_AVERAGE_POOL_ARMV7EM_H
#define MCUCC_GLOBAL_AVERAGE_POOL_ARMV7EM_H

#include "mcucc/global_average_pool.h"

typedef mcucc_global_average_pool_params mcucc_global_average_pool_armv7em_params;

void mcucc_global_average_pool_armv7em_begin(const mcucc_global_average_pool_armv7em_params *params,
                                             int32_t *sums);

void mcucc_global_average_pool_armv7em_row(const mcucc_global_average_pool_armv7em_params *params,
                                           const int8_t *const *rows, int32_t *sums,
                                           const mcucc_span *span);

void mcucc_global_average_pool_armv7em_finish(
    const mcucc_global_average_pool_armv7em_params *params, const int32_t *sums, int8_t *out);

#endif
