/* GlobalAveragePool of which the input, the output or both are int16
 * (mcucc/global_average_pool.h): _<input>_<output>. Sums fit int32.
 */
#ifndef MCUCC_GLOBAL_AVERAGE_POOL_WIDE_H
#define MCUCC_GLOBAL_AVERAGE_POOL_WIDE_H

#include "mcucc/global_average_pool.h"

typedef mcucc_global_average_pool_params
    mcucc_global_average_pool_wide_params; /* the same fields */

void mcucc_global_average_pool_s8_s16_begin(const mcucc_global_average_pool_wide_params *params,
                                            int32_t *sums);

void mcucc_global_average_pool_s8_s16_row(const mcucc_global_average_pool_wide_params *params,
                                          const int8_t *const *rows, int32_t *sums,
                                          const mcucc_span *span);

void mcucc_global_average_pool_s8_s16_finish(const mcucc_global_average_pool_wide_params *params,
                                             const int32_t *sums, int8_t *out);

void mcucc_global_average_pool_s16_s8_begin(const mcucc_global_average_pool_wide_params *params,
                                            int32_t *sums);

void mcucc_global_average_pool_s16_s8_row(const mcucc_global_average_pool_wide_params *params,
                                          const int8_t *const *rows, int32_t *sums,
                                          const mcucc_span *span);

void mcucc_global_average_pool_s16_s8_finish(const mcucc_global_average_pool_wide_params *params,
                                             const int32_t *sums, int8_t *out);

void mcucc_global_average_pool_s16_s16_begin(const mcucc_global_average_pool_wide_params *params,
                                             int32_t *sums);

void mcucc_global_average_pool_s16_s16_row(const mcucc_global_average_pool_wide_params *params,
                                           const int8_t *const *rows, int32_t *sums,
                                           const mcucc_span *span);

void mcucc_global_average_pool_s16_s16_finish(const mcucc_global_average_pool_wide_params *params,
                                              const int32_t *sums, int8_t *out);

#endif
