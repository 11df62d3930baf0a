/* DepthToSpace: the pixel at place i * block + j of a block is channels place * place_step +
 * k * channel_step of one input pixel.
 *
 * ROW kernel. rows[0] is the input pixel of column span->input_column, `out` the output pixel of
 * column span->begin.
 */
#ifndef MCUCC_DEPTH_TO_SPACE_H
#define MCUCC_DEPTH_TO_SPACE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t block;
    int32_t channels; /* of the output */
    int32_t channel_step;
    int32_t place_step;
} mcucc_depth_to_space_params;

void mcucc_depth_to_space(const mcucc_depth_to_space_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

#endif
