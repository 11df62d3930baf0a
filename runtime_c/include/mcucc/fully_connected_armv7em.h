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
    int32_t chunks;            /* of 4 inputs, rounded up */
    const uint32_t *weights;   /* [outputs / 2, rounded up][chunks][2] words of 4 int8 */
    const int32_t *bias;       /* the input's zero point already folded in */
    const int32_t *multiplier; /* per output, mcucc/finish_armv7em.h */
    const uint8_t *shift;      /* per output; NULL for `_high` */
    int32_t input_zero_point;  /* folded away; kept for reports */
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
