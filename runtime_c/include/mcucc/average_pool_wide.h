/* AveragePool of which the input, the output or both are int16 (mcucc/average_pool.h):
 * _<input>_<output>. _divide as in mcucc/average_pool.h.
 */
#ifndef MCUCC_AVERAGE_POOL_WIDE_H
#define MCUCC_AVERAGE_POOL_WIDE_H

#include "mcucc/average_pool.h"

typedef mcucc_average_pool_params mcucc_average_pool_wide_params; /* the same fields */

void mcucc_average_pool_s8_s16(const mcucc_average_pool_wide_params *params,
                               const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_average_pool_s16_s8(const mcucc_average_pool_wide_params *params,
                               const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_average_pool_s16_s16(const mcucc_average_pool_wide_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_average_pool_divide_s16_s16(const mcucc_average_pool_wide_params *params,
                                       const int8_t *const *rows, int8_t *out,
                                       const mcucc_span *span);

#endif
