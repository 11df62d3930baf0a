/* GlobalAveragePool: y = clamp(round((bias + sum x) * M) + output_zero_point) per channel.
 *
 * SINK kernel: `_begin` once, `_row` for every input row (or piece of one) in any order, `_finish`
 * once. `sums` holds one int32 per channel between the calls. rows[0] is the pixel of column
 * span->begin; `out` is the only output pixel.
 */
#ifndef MCUCC_GLOBAL_AVERAGE_POOL_H
#define MCUCC_GLOBAL_AVERAGE_POOL_H

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
} mcucc_global_average_pool_params;

void mcucc_global_average_pool_begin(const mcucc_global_average_pool_params *params, int32_t *sums);

void mcucc_global_average_pool_row(const mcucc_global_average_pool_params *params,
                                   const int8_t *const *rows, int32_t *sums,
                                   const mcucc_span *span);

void mcucc_global_average_pool_finish(const mcucc_global_average_pool_params *params,
                                      const int32_t *sums, int8_t *out);

#endif
