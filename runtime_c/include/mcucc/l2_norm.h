/* L2 norm over the channels of each pixel, bit for bit that of the LiteRT reference kernels: the
 * inverse root of the sum of squares comes from five steps of Newton's iteration.
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input. At most 33025 channels; the output is in units of 1/128.
 */
#ifndef MCUCC_L2_NORM_H
#define MCUCC_L2_NORM_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t zero_point;
} mcucc_l2_norm_params;

void mcucc_l2_norm(const mcucc_l2_norm_params *params, const int8_t *const *rows, int8_t *out,
                   const mcucc_span *span);

#endif
