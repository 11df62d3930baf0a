/* Add on Helium: y = clamp((a * multiplier_a + b * multiplier_b + bias) >> shift).
 *
 * `bias` holds the zero points of both inputs and of the output and the rounding constant; every
 * partial sum fits int32.
 * ROW kernel. rows[0] and rows[1] are the pixels of column span->begin of a and b, `out` that of
 * the output, which may be either input.
 */
#ifndef MCUCC_ADD_MVE_H
#define MCUCC_ADD_MVE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t multiplier_a;
    int32_t multiplier_b;
    int32_t bias;
    int32_t shift; /* 1 to 30 */
    int32_t lo;    /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_add_mve_params;

void mcucc_add_mve(const mcucc_add_mve_params *params, const int8_t *const *rows, int8_t *out,
                   const mcucc_span *span);

#endif
