/* SampleNearest: output column c is input column (c * step + offset) / unit; rows are the caller's
 * choice in the same way.
 *
 * ROW kernel. rows[0] is the input pixel of column span->input_column, `out` the output pixel of
 * column span->begin.
 */
#ifndef MCUCC_SAMPLE_NEAREST_H
#define MCUCC_SAMPLE_NEAREST_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t pixel_bytes;
    int32_t step;
    int32_t unit;
    int32_t offset;
} mcucc_sample_nearest_params;

void mcucc_sample_nearest(const mcucc_sample_nearest_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

#endif
