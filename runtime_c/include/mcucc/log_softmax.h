/* LogSoftmax over the channels of each pixel: y = (base - distances[d] - log(total)) >> fraction,
 * d = max - x and total the sum of powers[d], which stays below 2^31. Distances and logarithms are
 * in fractions of an output step.
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input.
 */
#ifndef MCUCC_LOG_SOFTMAX_H
#define MCUCC_LOG_SOFTMAX_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    const uint32_t *powers;   /* [256], exp(-distance) in fixed point, at most 2^23 */
    const int32_t *distances; /* [256] */
    const int32_t *logs;      /* [257], log(1 + i / 256) */
    int32_t doubling;         /* log 2 */
    int32_t base;             /* zero point, half a step, and the logarithm of the powers' unit */
    int32_t fraction;
} mcucc_log_softmax_params;

void mcucc_log_softmax(const mcucc_log_softmax_params *params, const int8_t *const *rows,
                       int8_t *out, const mcucc_span *span);

#endif
