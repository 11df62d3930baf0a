/* One output pixel of a depthwise convolution on Helium, 16 channels at a time: what narrow tiles
 * want, where rearranging inputs (mcucc/depthwise_mve.h) does not pay.
 *
 * Products of pairs of taps fit 16 bits (2 * 128 * 127 < 2^15), pairs are summed in 32 bits.
 */
#ifndef MCUCC_DEPTHWISE_PIXEL_MVE_H
#define MCUCC_DEPTHWISE_PIXEL_MVE_H

#include "mcucc/abi.h"
#include "mcucc/finish_mve.h"

/* The fields are read by assembly in this order: where a comment names a register, the field is
 * loaded into it. */
typedef struct {
    const int8_t *const *taps; /* r0: the first channel of each tap */
    const int8_t *weights;     /* r1: [block][tap][16], blocks as they are computed */
    int32_t pairs;             /* r4: of taps */
    int32_t blocks;            /* r5: of 16 channels; the last one ends at the last channel */
    int32_t stride;            /* r6: bytes from channel to channel of `entries` */
    int32_t zero_point;        /* r7 */
    int32_t channels;          /* r8 */
    const int32_t *entries;    /* r9: of mcucc/finish_mve.h; at least 16 are readable */
    int32_t last;              /* r10: first channel of the last block */
    int8_t *out;               /* r11 */
    uint32_t lanes[4];         /* of every fourth channel, in bytes of `entries` */
} mcucc_depthwise_pixel;

#define MCUCC_DEPTHWISE_PIXEL_MVE(form) \
    void mcucc_depthwise_pixel_mve_##form(const mcucc_depthwise_pixel *pixel);

MCUCC_DEPTHWISE_PIXEL_MVE(doubling)
MCUCC_DEPTHWISE_PIXEL_MVE(shift)
MCUCC_DEPTHWISE_PIXEL_MVE(wide)
MCUCC_DEPTHWISE_PIXEL_MVE(double)

#endif
