/* Softmax over the channels of each pixel: y = (256 * e + total / 2) / total - 128,
 * e = table[max - x] and total their sum, which stays below 2^31.
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input.
 */
#ifndef MCUCC_SOFTMAX_H
#define MCUCC_SOFTMAX_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    const uint32_t *table; /* [256], exp(-distance) in fixed point, at most 2^23 */
} mcucc_softmax_params;

void mcucc_softmax(const mcucc_softmax_params *params, const int8_t *const *rows, int8_t *out,
                   const mcucc_span *span);

#endif
