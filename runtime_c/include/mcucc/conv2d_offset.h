/* Conv2d whose weights have a zero point, as those of TensorFlow 1's uint8 networks:
 *
 *     y[o] = clamp(round((bias[o] + sum x * (w[o] + weight_offset)) * multiplier[o] * 2^-shift[o])
 *                  + zero_point)
 *
 * ROW kernel, called as mcucc_conv2d. Depthwise convolutions have as many groups as channels.
 */
#ifndef MCUCC_CONV2D_OFFSET_H
#define MCUCC_CONV2D_OFFSET_H

#include "mcucc/conv2d.h"

typedef struct {
    mcucc_conv2d_params plain; /* bias: of the weights with their offset */
    int32_t weight_offset;     /* of every weight */
} mcucc_conv2d_offset_params;

void mcucc_conv2d_offset(const mcucc_conv2d_offset_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span);

/* The same with the rounding of the LiteRT reference kernels. */
void mcucc_conv2d_offset_double(const mcucc_conv2d_offset_params *params, const int8_t *const *rows,
                                int8_t *out, const mcucc_span *span);

#endif
