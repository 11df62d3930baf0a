/* FullyConnected on Helium: y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + zero_point).
 *
 * TENSOR kernel: rows[0] is the whole input, `out` the whole output; `span` is not read.
 */
#ifndef MCUCC_FULLY_CONNECTED_MVE_H
#define MCUCC_FULLY_CONNECTED_MVE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t inputs;
    int32_t outputs;
    const int8_t *weights;    /* [outputs][inputs] and 16 bytes */
    const int32_t *finish;    /* mcucc/finish_mve.h */
    int32_t input_zero_point; /* folded away; kept for reports */
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_fully_connected_mve_params;

/* One function a form of requantization (mcucc/finish_mve.h); int4 and int2: packed weights
 * (mcucc/matrix_packed_mve.h), unpacked to span->scratch. */
#define MCUCC_FULLY_CONNECTED_MVE(form)                                                   \
    void mcucc_fully_connected_mve_##form(const mcucc_fully_connected_mve_params *params, \
                                          const int8_t *const *rows, int8_t *out,         \
                                          const mcucc_span *span);

#define MCUCC_FULLY_CONNECTED_MVE_FORMS(prefix) \
    MCUCC_FULLY_CONNECTED_MVE(prefix##doubling) \
    MCUCC_FULLY_CONNECTED_MVE(prefix##shift)    \
    MCUCC_FULLY_CONNECTED_MVE(prefix##wide)     \
    MCUCC_FULLY_CONNECTED_MVE(prefix##double)

MCUCC_FULLY_CONNECTED_MVE_FORMS()
MCUCC_FULLY_CONNECTED_MVE_FORMS(int4_)
MCUCC_FULLY_CONNECTED_MVE_FORMS(int2_)

#endif
