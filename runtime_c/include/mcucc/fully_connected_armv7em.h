/* FullyConnected on Armv7E-M: y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + zero_point).
 *
 * TENSOR kernel: rows[0] is the whole input, `out` the whole output; of `span` only `scratch` is
 * read, 16 * chunks bytes.
 */
#ifndef MCUCC_FULLY_CONNECTED_ARMV7EM_H
#define MCUCC_FULLY_CONNECTED_ARMV7EM_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t inputs;
    int32_t outputs;
    int32_t chunks;           /* of 4 inputs, rounded up */
    int32_t wide;             /* whether weights are pairs of int16 */
    const uint32_t *stream;   /* bias, weights and requantization: mcucc/matrix_armv7em.h */
    int32_t input_zero_point; /* folded away; kept for reports */
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_fully_connected_armv7em_params;

/* One function a form of requantization (mcucc/finish_armv7em.h). */
void mcucc_fully_connected_armv7em_high(const mcucc_fully_connected_armv7em_params *params,
                                        const int8_t *const *rows, int8_t *out,
                                        const mcucc_span *span);
void mcucc_fully_connected_armv7em_shift(const mcucc_fully_connected_armv7em_params *params,
                                         const int8_t *const *rows, int8_t *out,
                                         const mcucc_span *span);
void mcucc_fully_connected_armv7em_double(const mcucc_fully_connected_armv7em_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span);

#endif
