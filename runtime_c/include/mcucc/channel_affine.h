/* ChannelAffine: y = clamp(round((x * factors[c] + offsets[c]) * M) + output_zero_point).
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input.
 */
#ifndef MCUCC_CHANNEL_AFFINE_H
#define MCUCC_CHANNEL_AFFINE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    const int32_t *factors; /* [channels] */
    const int32_t *offsets; /* [channels]; every sum fits int32 */
    int32_t multiplier;     /* M = multiplier * 2^-shift */
    int32_t shift;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_channel_affine_params;

void mcucc_channel_affine(const mcucc_channel_affine_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

/* The same with the rounding of the LiteRT reference kernels. */
void mcucc_channel_affine_double(const mcucc_channel_affine_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span);

/* y = clamp((x * factors[c] + offsets[c]) >> shift): rounding and zero point are in `offsets`, the
 * sum is shifted only. */
void mcucc_channel_affine_shift(const mcucc_channel_affine_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
