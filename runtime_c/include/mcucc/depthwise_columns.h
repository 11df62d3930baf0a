/* DepthwiseConv2d on any core: square kernels of 3, 5 or 7, stride 1 or 2, one output a channel.
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * Four neighbouring columns of a channel at a time: every weight and most inputs are loaded once
 * for all of them. Where a window leaves the input, the inputs of up to MCUCC_COLUMNS_SLICE
 * channels are first copied into scratch, with the padding around them. Packed weights
 * (mcucc/packed.h) begin at a byte for every channel; they are unpacked once for four columns.
 * ROW kernel as mcucc/depthwise_conv2d.h says; span->scratch holds
 * kernel * (3 * stride + kernel) bytes for each channel of a slice.
 */
#ifndef MCUCC_DEPTHWISE_COLUMNS_H
#define MCUCC_DEPTHWISE_COLUMNS_H

#include "mcucc/finish.h"
#include "mcucc/mcucc.h"

#define MCUCC_COLUMNS_SLICE 16

typedef struct {
    int32_t pad_left;
    int32_t input_width; /* of the whole tensor, in pixels */
    int32_t channels;
    const void *weights; /* [channels][kernel][kernel]: int8_t, packed uint8_t */
    mcucc_finish_tables finish;
    int32_t input_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_depthwise_columns_params;

/* One function a kernel, stride, storage of weights (none: int8) and form (mcucc/finish.h). */
#define MCUCC_DEPTHWISE_COLUMNS(kernel, stride, form)                                         \
    void mcucc_depthwise_columns_##kernel##_##stride##_##form(                                \
        const mcucc_depthwise_columns_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span);
#define MCUCC_DEPTHWISE_COLUMNS_FORMS(kernel, stride)    \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, short)       \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, common)      \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, shift)       \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, double)      \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, int4_short)  \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, int4_common) \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, int4_shift)  \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, int4_double) \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, int2_short)  \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, int2_common) \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, int2_shift)  \
    MCUCC_DEPTHWISE_COLUMNS(kernel, stride, int2_double)

MCUCC_DEPTHWISE_COLUMNS_FORMS(3, 1)
MCUCC_DEPTHWISE_COLUMNS_FORMS(3, 2)
MCUCC_DEPTHWISE_COLUMNS_FORMS(5, 1)
MCUCC_DEPTHWISE_COLUMNS_FORMS(5, 2)
MCUCC_DEPTHWISE_COLUMNS_FORMS(7, 1)
MCUCC_DEPTHWISE_COLUMNS_FORMS(7, 2)

#endif
