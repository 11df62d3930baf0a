/* GlobalAveragePool on Helium: y = clamp(round((bias + sum x) * M) + output_zero_point).
 *
 * SINK kernel as mcucc/global_average_pool.h says.
 */
#ifndef MCUCC_GLOBAL_AVERAGE_POOL_MVE_H
#define MCUCC_GLOBAL_AVERAGE_POOL_MVE_H

#include "mcucc/global_average_pool.h"

typedef mcucc_global_average_pool_params mcucc_global_average_pool_mve_params;

void mcucc_global_average_pool_mve_begin(const mcucc_global_average_pool_mve_params *params,
                                         int32_t *sums);

void mcucc_global_average_pool_mve_row(const mcucc_global_average_pool_mve_params *params,
                                       const int8_t *const *rows, int32_t *sums,
                                       const mcucc_span *span);

void mcucc_global_average_pool_mve_finish(const mcucc_global_average_pool_mve_params *params,
                                          const int32_t *sums, int8_t *out);

#endif
