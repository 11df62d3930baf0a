/* Fully connected layer of int16 as LiteRT computes it: 64-bit sums, each times a double.
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * factor[o])),    mcucc/double_product.h
 *
 * TENSOR kernel. rows[0] is the input, `out` the output.
 */
#ifndef MCUCC_FULLY_CONNECTED_PRODUCT_WIDE_H
#define MCUCC_FULLY_CONNECTED_PRODUCT_WIDE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t inputs;
    int32_t outputs;
    const int8_t *weights;    /* [outputs][inputs] */
    const int32_t *bias_low;  /* the low words of biases */
    const int32_t *bias_high; /* the high words */
    const uint32_t *high;     /* of the factor of each output: factor = (high * 2^32 + low) */
    const uint32_t *low;      /* * 2^-shift */
    const uint8_t *shift;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_fully_connected_product_wide_params;

void mcucc_fully_connected_product_s16_s16(const mcucc_fully_connected_product_wide_params *params,
                                           const int8_t *const *rows, int8_t *out,
                                           const mcucc_span *span);

#endif
