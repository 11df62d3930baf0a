/* ResizeNearest: output column c is input column c / factor; rows repeat by the caller's choice of
 * row. Each value of a pixel is there `channels` times.
 *
 * ROW kernel. rows[0] is the input pixel of column span->input_column, `out` the output pixel of
 * column span->begin.
 */
#ifndef MCUCC_RESIZE_NEAREST_H
#define MCUCC_RESIZE_NEAREST_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t pixel_bytes; /* of the input */
    int32_t factor;
    int32_t channels;
    int32_t value_bytes;
} mcucc_resize_nearest_params;

void mcucc_resize_nearest(const mcucc_resize_nearest_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

#endif
