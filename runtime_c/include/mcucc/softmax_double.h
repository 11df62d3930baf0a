/* Softmax over the channels of each pixel, bit for bit that of the LiteRT reference kernels: the
 * sum of exponentials has 12 integer bits, its reciprocal comes from three steps of Newton's
 * iteration.
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input. At most 4095 channels.
 */
#ifndef MCUCC_SOFTMAX_DOUBLE_H
#define MCUCC_SOFTMAX_DOUBLE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    const int32_t *table; /* [256], exp(-distance) * 2^31, at most 2^31 - 1 */
} mcucc_softmax_double_params;

void mcucc_softmax_double(const mcucc_softmax_double_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

#endif
