/* 1x1 convolution without padding on Armv7E-M, any stride.
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * ROW kernel as mcucc/conv2d.h says, with one row; span->scratch holds 16 * chunks bytes.
 */
#ifndef MCUCC_POINTWISE_ARMV7EM_H
#define MCUCC_POINTWISE_ARMV7EM_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t stride_w;
    int32_t input_channels;
    int32_t output_channels;
    int32_t chunks;           /* of 4 inputs, rounded up */
    int32_t wide;             /* whether weights are pairs of int16 */
    const uint32_t *stream;   /* bias, weights and requantization: mcucc/matrix_armv7em.h */
    int32_t input_zero_point; /* folded away; kept for reports */
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_pointwise_armv7em_params;

/* One function a form of requantization (mcucc/finish_armv7em.h). */
void mcucc_pointwise_armv7em_high(const mcucc_pointwise_armv7em_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);
void mcucc_pointwise_armv7em_shift(const mcucc_pointwise_armv7em_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span);
void mcucc_pointwise_armv7em_double(const mcucc_pointwise_armv7em_params *params,
                                    const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
