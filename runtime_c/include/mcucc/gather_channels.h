/* GatherChannels: the channels of every pixel in another order, in runs of neighbours.
 *
 * ROW kernel. rows[0] is the input pixel of column span->input_column, `out` the pixel of column
 * span->begin.
 */
#ifndef MCUCC_GATHER_CHANNELS_H
#define MCUCC_GATHER_CHANNELS_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t input_channels; /* bytes of a pixel */
    int32_t channels;       /* of the output, bytes */
    int32_t runs;
    const int16_t *places; /* [runs][2]: first byte, and how many */
} mcucc_gather_channels_params;

void mcucc_gather_channels(const mcucc_gather_channels_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span);

#endif
