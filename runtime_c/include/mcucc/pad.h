/* Pad: a border of one value around the columns and the channels; rows of the border are rows of
 * padding.
 *
 * ROW kernel. rows[0] is the input pixel of column span->input_column, or a row of `value`. Output
 * column c is input column c - pad_left; columns outside [0, input_width) hold `value`, as do the
 * channels before and after the input's. `out` is the pixel of column span->begin.
 */
#ifndef MCUCC_PAD_H
#define MCUCC_PAD_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t input_width; /* of the whole tensor, in pixels */
    int32_t input_channels;
    int32_t pad_left;
    int32_t channels_before;
    int32_t channels_after;
    int32_t value;
} mcucc_pad_params;

void mcucc_pad(const mcucc_pad_params *params, const int8_t *const *rows, int8_t *out,
               const mcucc_span *span);

#endif
