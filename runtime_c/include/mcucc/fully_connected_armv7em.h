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
    int32_t wide;              /* whether weights are pairs of int16 */
    const uint32_t *stream;    /* bias, weights and requantization: mcucc/matrix_armv7em.h */
    int32_t input_zero_point;  /* folded away; kept for reports */
    int32_t output_zero_point; /* COMMON: the addend (mcucc/finish_armv7em.h) */
    int32_t lo;                /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_fully_connected_armv7em_params;

/* One function a form of requantization (mcucc/finish_armv7em.h); int4 and int2: packed weights
 * (mcucc/matrix_packed_armv7em.h), not wide, for 2 bits of even chunks. */
#define MCUCC_FULLY_CONNECTED_ARMV7EM(name)                                                       \
    void mcucc_fully_connected_armv7em_##name(const mcucc_fully_connected_armv7em_params *params, \
                                              const int8_t *const *rows, int8_t *out,             \
                                              const mcucc_span *span);
#define MCUCC_FULLY_CONNECTED_ARMV7EM_FORMS(prefix) \
    MCUCC_FULLY_CONNECTED_ARMV7EM(prefix##high)     \
    MCUCC_FULLY_CONNECTED_ARMV7EM(prefix##common)   \
    MCUCC_FULLY_CONNECTED_ARMV7EM(prefix##shift)    \
    MCUCC_FULLY_CONNECTED_ARMV7EM(prefix##double)

MCUCC_FULLY_CONNECTED_ARMV7EM_FORMS()
MCUCC_FULLY_CONNECTED_ARMV7EM_FORMS(int4_)
MCUCC_FULLY_CONNECTED_ARMV7EM_FORMS(int2_)

#endif
