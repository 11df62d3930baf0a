/* DepthwiseConv2d on Helium: one output per channel, kernels of up to 8 rows, no
 * horizontal dilation, no stride beyond the kernel's width.
 *
 *     y[c] = clamp(round((bias[c] + sum x * w[c]) * M[c]) + output_zero_point)
 *
 * The taps of a channel lie apart: a block of 16 channels is rearranged in scratch so that four
 * rows of a column are a word: [column][set of 4 rows][16 channels][4 rows]. A gather of four words
 * is then up to 16 taps of one channel, and the next output's lie a fixed step further.
 * Spans of few outputs are computed pixel by pixel instead (mcucc/depthwise_pixel_mve.h).
 * ROW kernel as mcucc/depthwise_conv2d.h says; span->scratch holds
 * 64 * sets * ((tile - 1) * stride_w + kernel_w) bytes, or, if that is
 * more, 16 * pairs + 4 + channels.
 */
#ifndef MCUCC_DEPTHWISE_MVE_H
#define MCUCC_DEPTHWISE_MVE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_w;
    int32_t pad_left;
    int32_t input_width; /* of the whole tensor, in pixels */
    int32_t channels;
    int32_t tile;            /* output columns at a time, a multiple of 4 */
    int32_t narrow;          /* spans of at most so many outputs go pixel by pixel */
    int32_t pairs;           /* of taps, then */
    const int8_t *blocks;    /* weights, then; NULL where narrow is 0; places of packed ones */
    const uint32_t *gathers; /* [gathers][4]: byte offsets of the words, one step back */
    const uint32_t *stream;  /* [channels], 16 at least: weights of the gathers, entry */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_depthwise_mve_params;

/* One function a number of gathers, step in bytes (64 * sets * stride_w) and form; int4 and int2:
 * the stream is packed (mcucc/depthwise_unpack_mve.h), narrow is 0, and span->scratch holds a block
 * of it before the planes. */
#define MCUCC_DEPTHWISE_MVE(gathers, step, form)                                                   \
    void mcucc_depthwise_mve_##gathers##x##step##_##form(const mcucc_depthwise_mve_params *params, \
                                                         const int8_t *const *rows, int8_t *out,   \
                                                         const mcucc_span *span);
#define MCUCC_DEPTHWISE_MVE_STORED(gathers, step, prefix) \
    MCUCC_DEPTHWISE_MVE(gathers, step, prefix##doubling)  \
    MCUCC_DEPTHWISE_MVE(gathers, step, prefix##shift)     \
    MCUCC_DEPTHWISE_MVE(gathers, step, prefix##wide)      \
    MCUCC_DEPTHWISE_MVE(gathers, step, prefix##double)
#define MCUCC_DEPTHWISE_MVE_FORMS(gathers, step)     \
    MCUCC_DEPTHWISE_MVE_STORED(gathers, step, )      \
    MCUCC_DEPTHWISE_MVE_STORED(gathers, step, int4_) \
    MCUCC_DEPTHWISE_MVE_STORED(gathers, step, int2_)

MCUCC_DEPTHWISE_MVE_FORMS(1, 64)
MCUCC_DEPTHWISE_MVE_FORMS(1, 128)
MCUCC_DEPTHWISE_MVE_FORMS(3, 128)
MCUCC_DEPTHWISE_MVE_FORMS(3, 256)
MCUCC_DEPTHWISE_MVE_FORMS(4, 128)
MCUCC_DEPTHWISE_MVE_FORMS(4, 256)

#endif
