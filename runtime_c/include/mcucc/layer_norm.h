/* LayerNorm over the channels of each pixel, and RMS norm (mcucc/normalization.h).
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input.
 */
#ifndef MCUCC_LAYER_NORM_H
#define MCUCC_LAYER_NORM_H

#include "mcucc/mcucc.h"
#include "mcucc/normalization.h"

typedef struct {
    int32_t count; /* of channels; these seven as in mcucc_normal */
    int32_t fraction;
    int32_t epsilon;
    int32_t epsilon_shift;
    int32_t centered;
    int32_t zero_point;
    int32_t exponent;
    const int16_t *factors; /* [channels] */
    const int32_t *offsets; /* [channels], with zero point and rounding */
    int32_t shift;
} mcucc_layer_norm_params;

void mcucc_layer_norm(const mcucc_layer_norm_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span);

#endif
