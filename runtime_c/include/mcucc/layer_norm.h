/* LayerNorm: the channels of each pixel less their mean, over their deviation, times factors.
 *
 * With q the values less their zero point, N channels, d = N q - sum q and
 * w = N sum q^2 - (sum q)^2 + epsilon, y = ((d / sqrt(w)) * factors + offsets) >> shift, where
 * w has 16 bits behind the point, d / sqrt(w) has 10, and 1 / sqrt(w) is of 16 bits. Not centered: the sum of q
 * counts as 0.
 *
 * ROW kernel. rows[0] is the pixel of column span->begin; `out` may be the same.
 */
#ifndef MCUCC_LAYER_NORM_H
#define MCUCC_LAYER_NORM_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t zero_point;
    int32_t centered;
    int32_t epsilon_high; /* epsilon * 2^16 = high * 2^31 + low */
    int32_t epsilon_low;
    int32_t shift;
    const int16_t *factors;
    const int32_t *offsets; /* zero point of the output and half a unit in them */
} mcucc_layer_norm_params;

void mcucc_layer_norm(const mcucc_layer_norm_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span);

#endif
