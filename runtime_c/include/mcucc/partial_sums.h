/* What a group of input channels adds to the sums of a convolution 1x1 (a channel split).
 *
 *     sum[o] += sum over the group of x * w[o]            the first group: sum[o] = ..
 *
 * ROW kernel with one row of pixels of the group; `out` is a row of int32 sums, output_channels a
 * pixel, 4-aligned. Zero points and bias are added at the end (mcucc/finish_sums.h).
 */
#ifndef MCUCC_PARTIAL_SUMS_H
#define MCUCC_PARTIAL_SUMS_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t input_channels; /* of the group */
    int32_t output_channels;
    int32_t first;         /* whether the sums begin here */
    const int8_t *weights; /* [output_channels][input_channels] */
} mcucc_partial_sums_params;

void mcucc_partial_sums(const mcucc_partial_sums_params *params, const int8_t *const *rows,
                        int8_t *out, const mcucc_span *span);

#endif
