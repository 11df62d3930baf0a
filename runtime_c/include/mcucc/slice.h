/* Slice: some columns and channels of a row, every so many of them.
 *
 * ROW kernel. rows[0] is the input pixel of column span->input_column. Output column c is input
 * column c * column_stride + first_column; its channel k is channel k * channel_stride +
 * first_channel. `out` is the pixel of column span->begin.
 */
#ifndef MCUCC_SLICE_H
#define MCUCC_SLICE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t first_column;
    int32_t column_stride;
    int32_t input_channels;
    int32_t first_channel;
    int32_t channel_stride;
    int32_t channels; /* of the output */
} mcucc_slice_params;

void mcucc_slice(const mcucc_slice_params *params, const int8_t *const *rows, int8_t *out,
                 const mcucc_span *span);

#endif
