/* FullyConnected: y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + zero_point).
 *
 * TENSOR kernel: rows[0] is the whole input, `out` the whole output, `span` is not read.
 */
#ifndef MCUCC_FULLY_CONNECTED_H
#define MCUCC_FULLY_CONNECTED_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t inputs;
    int32_t outputs;
    const void *weights;       /* [outputs][inputs]: int8_t, packed uint8_t */
    const int32_t *bias;       /* the input's zero point already folded in */
    const int32_t *multiplier; /* per output */
    const uint8_t *shift;      /* per output */
    int32_t input_zero_point;  /* folded away; kept for reports */
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_fully_connected_params;

void mcucc_fully_connected(const mcucc_fully_connected_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span);

/* The same with the rounding of the LiteRT reference kernels. */
void mcucc_fully_connected_double(const mcucc_fully_connected_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);

/* Single rounding in 32 bits, where the compiler proved it equal: all channels have one shift, and
 * output_zero_point holds zero_point * 2^shift + 2^(shift - 1). */
void mcucc_fully_connected_short(const mcucc_fully_connected_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span);

/* The same with packed weights (mcucc/packed.h); every output's begin at a byte. */
void mcucc_fully_connected_int4(const mcucc_fully_connected_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span);
void mcucc_fully_connected_int4_double(const mcucc_fully_connected_params *params,
                                       const int8_t *const *rows, int8_t *out,
                                       const mcucc_span *span);
void mcucc_fully_connected_int4_short(const mcucc_fully_connected_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span);
void mcucc_fully_connected_int2(const mcucc_fully_connected_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span);
void mcucc_fully_connected_int2_double(const mcucc_fully_connected_params *params,
                                       const int8_t *const *rows, int8_t *out,
                                       const mcucc_span *span);
void mcucc_fully_connected_int2_short(const mcucc_fully_connected_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span);

#endif
