/* PRelu: a slope below zero for every channel.
 *
 * y = clamp(round((x - input_zero_point) * multiplier * 2^-shift) + output_zero_point), and below
 * zero round((x - input_zero_point) * slopes[channel] * multiplier_below * 2^-shift_below).
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input.
 */
#ifndef MCUCC_PRELU_H
#define MCUCC_PRELU_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t multiplier;
    int32_t shift;
    int32_t multiplier_below;
    int32_t shift_below;
    const int16_t *slopes; /* [channels] */
} mcucc_prelu_params;

void mcucc_prelu(const mcucc_prelu_params *params, const int8_t *const *rows, int8_t *out,
                 const mcucc_span *span);

/* The same with the two roundings of the LiteRT reference kernels. */
void mcucc_prelu_double(const mcucc_prelu_params *params, const int8_t *const *rows, int8_t *out,
                        const mcucc_span *span);

#endif
