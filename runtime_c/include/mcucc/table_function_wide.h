/* The logistic function and tanh of int16, as LiteRT computes them: 256 values of the logistic
 * function at distances of 1/24, and lines between them.
 *
 *     x = q * multiplier >> shift, half up: the input in units of 1/12288
 *     y in units of 2^-15
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input.
 */
#ifndef MCUCC_TABLE_FUNCTION_WIDE_H
#define MCUCC_TABLE_FUNCTION_WIDE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t multiplier;
    int32_t shift;
    int32_t tanh;          /* 0: the logistic function */
    const uint16_t *table; /* [256] */
} mcucc_table_function_wide_params;

void mcucc_table_function_s16_s16(const mcucc_table_function_wide_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
