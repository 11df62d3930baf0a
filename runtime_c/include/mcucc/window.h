/* Sliding windows along a row: which output columns lie inside, which taps are padding.
 *
 * Output column c reads the input columns first + t * dilation for the taps t = 0 .. kernel - 1,
 * first = c * stride - pad. Columns outside [0, width) are padding.
 */
#ifndef MCUCC_WINDOW_H
#define MCUCC_WINDOW_H

#include "mcucc/mcucc.h"
#include "mcucc/requantize.h"

/* The columns of `span` whose taps all lie inside the input: [span->begin, begin) is the left
 * border, [end, span->end) the right one. */
MCUCC_INLINE mcucc_range mcucc_interior(const mcucc_span *span, int32_t kernel, int32_t stride,
                                        int32_t dilation, int32_t pad, int32_t width)
{
    const int32_t slack = width - 1 - (kernel - 1) * dilation + pad;
    mcucc_range inside;
    inside.begin = (pad + stride - 1) / stride;
    inside.end = slack < 0 ? 0 : slack / stride + 1;
    inside.begin = mcucc_clamp(inside.begin, span->begin, span->end);
    inside.end = mcucc_clamp(inside.end, inside.begin, span->end);
    return inside;
}

/* The taps of the window that starts at `first` which lie in [0, size). */
MCUCC_INLINE mcucc_range mcucc_valid_taps(int32_t first, int32_t kernel, int32_t dilation,
                                          int32_t size)
{
    mcucc_range taps = {0, kernel};
    while (taps.begin < kernel && first + taps.begin * dilation < 0) {
        ++taps.begin;
    }
    while (taps.end > taps.begin && first + (taps.end - 1) * dilation >= size) {
        --taps.end;
    }
    return taps;
}

#endif
