/* GlobalAveragePool on Helium: y = clamp(round((bias + sum x) * M) + output_zero_point).
 *
 * SINK kernel as mcucc/global_average_pool.h says.
 */
#ifndef MCUCC_GLOBAL_AVERAGE_POOL_MVE_H
#define MCUCC_GLOBAL_AVERAGE_POOL_MVE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t bias;       /* -zero point * height * width */
    int32_t multiplier; /* M = multiplier * 2^-shift, the division included */
    int32_t shift;
    int32_t double_rounding; /* 1: the rounding of the LiteRT reference kernels */
    int32_t divisor;         /* not 0: y = clamp((bias + sum x) / divisor), half away from zero */
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_global_average_pool_mve_params;

void mcucc_global_average_pool_mve_begin(const mcucc_global_average_pool_mve_params *params,
                                         int32_t *sums);

void mcucc_global_average_pool_mve_row(const mcucc_global_average_pool_mve_params *params,
                                       const int8_t *const *rows, int32_t *sums,
                                       const mcucc_span *span);

void mcucc_global_average_pool_mve_finish(const mcucc_global_average_pool_mve_params *params,
                                          const int32_t *sums, int8_t *out);

#endif
