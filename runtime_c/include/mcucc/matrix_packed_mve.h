/* mcucc/matrix_mve.h with weights of 4 or 2 bits, unpacked to scratch some channels at a time: once
 * for all pixels of a call.
 *
 * A packed weight is the high bits of the int8 one (mcucc/numerics/weights.py). 16 bytes hold 32 of
 * 4 bits or 64 of 2: byte i has weights i, 16 + i, .., from its lowest bits on. The weights of the
 * channels that are unpacked together follow each other and fill whole vectors of packed bytes.
 */
#ifndef MCUCC_MATRIX_PACKED_MVE_H
#define MCUCC_MATRIX_PACKED_MVE_H

#include "mcucc/matrix_mve.h"

/* Bytes of weights that are unpacked together, where that is four channels or more. */
#define MCUCC_UNPACKED_BYTES_MVE 1536

/* Channels unpacked together. */
MCUCC_INLINE int32_t mcucc_unpacked_channels_mve(int32_t taps, int32_t channels)
{
    const int32_t fours = MCUCC_UNPACKED_BYTES_MVE / (4 * taps);
    const int32_t most = fours > 1 ? 4 * fours : 4;
    return most < channels ? most : channels;
}

/* Bytes of scratch for weights: whole vectors of packed bytes, 16 that may be read behind them. */
MCUCC_INLINE int32_t mcucc_unpacked_scratch_mve(int32_t taps, int32_t channels, int32_t bits)
{
    if (bits == 8) {
        return 0;
    }
    const int32_t unit = MCUCC_VECTOR * 8 / bits;
    const int32_t weights = taps * mcucc_unpacked_channels_mve(taps, channels);
    return (weights + unit - 1) / unit * unit + MCUCC_VECTOR;
}

/* Unpack `count` weights or a few more; returns what follows them in `packed`. */
const int8_t *mcucc_unpack_mve(int8_t *weights, const int8_t *packed, int32_t count, int32_t bits);

#define MCUCC_MATRIX_PACKED_MVE(bits, form)                                                   \
    void mcucc_matrix_mve_int##bits##_##form(const mcucc_matrix_mve *matrix, const int8_t *x, \
                                             int32_t step, int8_t *out, int32_t count);
#define MCUCC_MATRIX_PACKED_MVE_FORMS(bits) \
    MCUCC_MATRIX_PACKED_MVE(bits, doubling) \
    MCUCC_MATRIX_PACKED_MVE(bits, shift)    \
    MCUCC_MATRIX_PACKED_MVE(bits, wide)     \
    MCUCC_MATRIX_PACKED_MVE(bits, double)

MCUCC_MATRIX_PACKED_MVE_FORMS(4)
MCUCC_MATRIX_PACKED_MVE_FORMS(2)

#endif
