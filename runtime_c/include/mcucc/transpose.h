/* Transpose: another order of the three axes.
 *
 * TENSOR kernel: rows[0] is the whole input, `out` the whole output, `span` is not read. The
 * strides are the input's, in bytes, along each axis of the output.
 */
#ifndef MCUCC_TRANSPOSE_H
#define MCUCC_TRANSPOSE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t output_height;
    int32_t output_width;
    int32_t output_channels;
    int32_t stride_height;
    int32_t stride_width;
    int32_t stride_channels;
} mcucc_transpose_params;

void mcucc_transpose(const mcucc_transpose_params *params, const int8_t *const *rows, int8_t *out,
                     const mcucc_span *span);

#endif
