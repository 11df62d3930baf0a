/* Conv2d of one group, two pixels a multiplication, in 32-bit arithmetic alone (mcucc/pairs.h).
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * Output channels go in twos, a missing last one all zeros; taps in units of a word of weights (2,
 * packed 4 or 8), missing last ones zero: weights are [pair][tap][2]. The compiler cuts the taps of
 * every pair of channels into chunks whose sums stay inside 16 bits whatever the inputs (a unit
 * always does); `share` pairs have the same ones: `chunks` holds their number, `lengths` the bytes
 * of weights of every chunk, one after the other. Packed weights (mcucc/packed.h) are summed in their own steps.
 * ROW kernel as mcucc/conv2d.h says; span->scratch holds 4 * taps bytes.
 */
#ifndef MCUCC_CONV2D_PAIRS_H
#define MCUCC_CONV2D_PAIRS_H

#include "mcucc/finish.h"
#include "mcucc/mcucc.h"

typedef struct {
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_w;
    int32_t dilation_w;
    int32_t pad_left;
    int32_t input_width; /* of the whole tensor, in pixels */
    int32_t input_channels;
    int32_t output_channels;
    int32_t taps;        /* inputs of a window, in whole units */
    const void *weights; /* int8_t, packed uint32_t */
    int32_t share;       /* pairs of channels with the same chunks */
    const uint16_t *chunks;
    const uint8_t *lengths;
    mcucc_finish_tables finish;
    int32_t input_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_conv2d_pairs_params;

/* One function a storage of weights (none: int8) and form of requantization (mcucc/finish.h). */
#define MCUCC_CONV2D_PAIRS(form)                                            \
    void mcucc_conv2d_pairs_##form(const mcucc_conv2d_pairs_params *params, \
                                   const int8_t *const *rows, int8_t *out,  \
                                   const mcucc_span *span);

MCUCC_CONV2D_PAIRS(short)
MCUCC_CONV2D_PAIRS(common)
MCUCC_CONV2D_PAIRS(shift)
MCUCC_CONV2D_PAIRS(double)
MCUCC_CONV2D_PAIRS(int4_short)
MCUCC_CONV2D_PAIRS(int4_common)
MCUCC_CONV2D_PAIRS(int4_shift)
MCUCC_CONV2D_PAIRS(int4_double)
MCUCC_CONV2D_PAIRS(int2_short)
MCUCC_CONV2D_PAIRS(int2_common)
MCUCC_CONV2D_PAIRS(int2_shift)
MCUCC_CONV2D_PAIRS(int2_double)

#endif
