/* The end of a channel split: int32 sums of all groups become int8.
 *
 *     y[o] = clamp(round((bias[o] + sum[o]) * multiplier[o] * 2^-shift[o]) + zero_point)
 *
 * ROW kernel; rows[0] is a row of int32 sums, 4-aligned, `channels` a pixel (4 * channels bytes).
 */
#ifndef MCUCC_FINISH_SUMS_H
#define MCUCC_FINISH_SUMS_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    const int32_t *bias;       /* the input's zero point already folded in */
    const int32_t *multiplier; /* per channel */
    const uint8_t *shift;      /* per channel */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_finish_sums_params;

void mcucc_finish_sums(const mcucc_finish_sums_params *params, const int8_t *const *rows,
                       int8_t *out, const mcucc_span *span);

/* The same with the rounding of the LiteRT reference kernels. */
void mcucc_finish_sums_double(const mcucc_finish_sums_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span);

#endif
