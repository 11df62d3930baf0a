/* Conv2d of one group, two pixels a multiplication, in 32-bit arithmetic alone (mcucc/pairs.h).
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * Output channels go in twos, a missing last one all zeros; taps in units of two, a missing last
 * one zero: weights are [pair][tap][2]. The compiler cuts the taps of every pair of channels into
 * chunks whose sums stay inside 16 bits whatever the inputs (two taps always do): `chunks` holds
 * their number for each pair, `lengths` the bytes of weights of every chunk, one after the other.
 * ROW kernel as mcucc/conv2d.h says; span->scratch holds 4 * taps bytes.
 */
#ifndef MCUCC_CONV2D_PAIRS_H
#define MCUCC_CONV2D_PAIRS_H

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
    int32_t taps; /* inputs of a window, even */
    const int8_t *weights;
    const uint16_t *chunks;
    const uint8_t *lengths;
    const int32_t *bias;       /* the input's zero point already folded in */
    const int32_t *multiplier; /* per output channel */
    const uint8_t *shift;      /* per output channel */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_conv2d_pairs_params;

/* One function a form of requantization (mcucc/finish.h). */
void mcucc_conv2d_pairs_short(const mcucc_conv2d_pairs_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span);
void mcucc_conv2d_pairs_shift(const mcucc_conv2d_pairs_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span);
void mcucc_conv2d_pairs_double(const mcucc_conv2d_pairs_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span);

#endif
