/* ChannelSum: y = clamp(round((table[x + 128] + offsets[c]) * M) + output_zero_point), the addition
 * of a constant per channel by the LiteRT reference kernels: both terms are rounded by themselves.
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input.
 */
#ifndef MCUCC_CHANNEL_SUM_H
#define MCUCC_CHANNEL_SUM_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    const int32_t *table;   /* [256], for the inputs -128 to 127 */
    const int32_t *offsets; /* [channels] */
    int32_t multiplier;     /* M = multiplier * 2^-shift */
    int32_t shift;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_channel_sum_params;

void mcucc_channel_sum(const mcucc_channel_sum_params *params, const int8_t *const *rows,
                       int8_t *out, const mcucc_span *span);

#endif
