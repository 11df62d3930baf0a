/* SpaceToDepth: channel k of the pixel at place i * block + j of a block becomes channel
 * place * place_step + k * channel_step of one output pixel.
 *
 * ROW kernel. rows[i] is the pixel of column span->input_column in row i of the blocks, `out` the
 * output pixel of column span->begin.
 */
#ifndef MCUCC_SPACE_TO_DEPTH_H
#define MCUCC_SPACE_TO_DEPTH_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t block;
    int32_t channels; /* of the input */
    int32_t channel_step;
    int32_t place_step;
} mcucc_space_to_depth_params;

void mcucc_space_to_depth(const mcucc_space_to_depth_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

#endif
