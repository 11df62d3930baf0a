/* DepthwiseConv2d on Armv7E-M: square kernels of 3, 5 or 7, stride 1 or 2, one output a channel;
 * with stride 1 any dilation, whose columns are so many dense convolutions one after the other.
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * Four channels and `tile` output columns at a time: their inputs are first rearranged into pairs
 * of halfwords, one word a channel, so that SMLAD multiplies two taps and every word loaded serves
 * all outputs it belongs to. Rows 0 and 1, 2 and 3, .. give planes of (upper, lower) for every
 * column; the last row gives a plane of (left, right) for every second column. In a plane the words
 * of the four channels follow each other: 16 bytes a column, or a pair of columns.
 * The constants of a channel, words:
 *   bias, multiplier (SHIFT, DOUBLE: addend, shift), mcucc/finish_armv7em.h
 *   for each pair of rows its taps from left to right: weights (upper, lower)
 *   the last row: (w0, w1) (w2, w3) .. then (w1, w2) (w3, w4) ..
 * The same as bytes, for HIGH and COMMON:
 *   multiplier
 *   two of these pairs a word, down to the last row's (w1, w2): SXTB16 gives the first one, with a
 *   rotation by 8 the other
 *   the last weight, 24 bits of bias above it
 * Of weights of 4 or 2 bits (int4, int2) only the high bits of each byte: two or four such words in
 * one, the first in the lowest bits.
 * ROW kernel as mcucc/depthwise_conv2d.h says; at least 4 channels. span->scratch holds
 * 8 * kernel * width bytes, width = (tile - 1) * stride + kernel + 1.
 */
#ifndef MCUCC_DEPTHWISE_ARMV7EM_H
#define MCUCC_DEPTHWISE_ARMV7EM_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t dilation; /* of columns; 1 with stride 2 */
    int32_t pad_left;
    int32_t input_width; /* of the whole tensor, in pixels */
    int32_t channels;
    int32_t tile;           /* output columns at a time, a multiple of 4 */
    const uint32_t *stream; /* [channels], see above */
    int32_t addend;         /* of all channels (HIGH, COMMON): mcucc/finish_armv7em.h */
    int32_t shift;
    int32_t input_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_depthwise_armv7em_params;

/* One function a kernel, stride and form of requantization (mcucc/finish_armv7em.h). */
#define MCUCC_DEPTHWISE_ARMV7EM(kernel, stride, form)                                         \
    void mcucc_depthwise_armv7em_##kernel##_##stride##_##form(                                \
        const mcucc_depthwise_armv7em_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span);
#define MCUCC_DEPTHWISE_BYTES_ARMV7EM(kernel, stride, form)                                   \
    void mcucc_depthwise_bytes_armv7em_##kernel##_##stride##_##form(                          \
        const mcucc_depthwise_armv7em_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span);
#define MCUCC_DEPTHWISE_ARMV7EM_FORMS(kernel, stride)          \
    MCUCC_DEPTHWISE_ARMV7EM(kernel, stride, high)              \
    MCUCC_DEPTHWISE_ARMV7EM(kernel, stride, common)            \
    MCUCC_DEPTHWISE_ARMV7EM(kernel, stride, shift)             \
    MCUCC_DEPTHWISE_ARMV7EM(kernel, stride, double)            \
    MCUCC_DEPTHWISE_BYTES_ARMV7EM(kernel, stride, high)        \
    MCUCC_DEPTHWISE_BYTES_ARMV7EM(kernel, stride, common)      \
    MCUCC_DEPTHWISE_BYTES_ARMV7EM(kernel, stride, int4_high)   \
    MCUCC_DEPTHWISE_BYTES_ARMV7EM(kernel, stride, int4_common) \
    MCUCC_DEPTHWISE_BYTES_ARMV7EM(kernel, stride, int2_high)   \
    MCUCC_DEPTHWISE_BYTES_ARMV7EM(kernel, stride, int2_common)

MCUCC_DEPTHWISE_ARMV7EM_FORMS(3, 1)
MCUCC_DEPTHWISE_ARMV7EM_FORMS(3, 2)
MCUCC_DEPTHWISE_ARMV7EM_FORMS(5, 1)
MCUCC_DEPTHWISE_ARMV7EM_FORMS(5, 2)
MCUCC_DEPTHWISE_ARMV7EM_FORMS(7, 1)
MCUCC_DEPTHWISE_ARMV7EM_FORMS(7, 2)

#endif
