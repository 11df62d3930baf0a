/* SquaredDifference: y = clamp(round((table_a[a + 128] - table_b[b + 128])^2 * M) + zero point).
 *
 * The tables hold both inputs in one scale; the square of a difference fits int32.
 * ROW kernel. rows[0] and rows[1] are the pixels of column span->begin of a and b, `out` that of
 * the output, which may be either input.
 */
#ifndef MCUCC_SQUARED_DIFFERENCE_H
#define MCUCC_SQUARED_DIFFERENCE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    const int16_t *table_a; /* [256], for the inputs -128 to 127 */
    const int16_t *table_b;
    int32_t multiplier; /* M = multiplier * 2^-shift */
    int32_t shift;
    int32_t output_zero_point;
} mcucc_squared_difference_params;

void mcucc_squared_difference(const mcucc_squared_difference_params *params,
                              const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
