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

/* One function a form of requantization (mcucc/finish_mve.h). */
#define MCUCC_FULLY_CONNECTED_MVE(form)                                                   \
    void mcucc_fully_connected_mve_##form(const mcucc_fully_connected_mve_params *params, \
                                          const int8_t *const *rows, int8_t *out,         \
                                          const mcucc_span *span);

MCUCC_FULLY_CONNECTED_MVE(doubling)
MCUCC_FULLY_CONNECTED_MVE(shift)
MCUCC_FULLY_CONNECTED_MVE(wide)
MCUCC_FULLY_CONNECTED_MVE(double)

#endif
