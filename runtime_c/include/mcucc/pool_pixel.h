/* What the pixels of an AveragePool have in common, whatever adds their taps. */
#ifndef MCUCC_POOL_PIXEL_H
#define MCUCC_POOL_PIXEL_H

#include "mcucc/average_pool.h"
#include "mcucc/window.h"

/* One output pixel: its taps and the factor that divides by their number. */
typedef struct {
    int32_t offset;     /* byte of the first valid tap in every row */
    int32_t columns;    /* valid taps of a row */
    int32_t zeros;      /* what the zero points add to the sum */
    int32_t multiplier; /* or (MCUCC_ROUND_DIVIDE) the number of taps */
    int32_t shift;
} mcucc_pool_pixel;

/* How many rows of the window lie inside the input. */
MCUCC_INLINE int32_t mcucc_pool_rows(const mcucc_average_pool_params *params,
                                     const mcucc_span *span)
{
    const mcucc_range valid =
        mcucc_valid_taps(span->row * params->stride_h - params->pad_top, params->kernel_h,
                         params->dilation_h, params->input_height);
    return valid.end - valid.begin;
}

/* Of an output column; `rows` as mcucc_pool_rows says. MCUCC_ROUND_SHORT: there are no shifts. */
MCUCC_INLINE mcucc_pool_pixel mcucc_pool_select(const mcucc_average_pool_params *params,
                                                const mcucc_span *span, int32_t column,
                                                int32_t rows, mcucc_rounding rounding)
{
    const int32_t first = column * params->stride_w - params->pad_left;
    const mcucc_range taps =
        mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
    const int32_t tap = first + taps.begin * params->dilation_w - span->input_column;
    mcucc_pool_pixel at;
    int32_t count;
    at.columns = taps.end - taps.begin;
    count = params->count_include_pad ? params->kernel_h * params->kernel_w : rows * at.columns;
    at.offset = tap * params->channels;
    at.zeros = params->input_zero_point * params->kernel_h * at.columns;
    if (rounding == MCUCC_ROUND_DIVIDE) {
        at.multiplier = count;
        at.shift = 0;
    } else {
        at.multiplier = params->multiplier[count - 1];
        at.shift = rounding == MCUCC_ROUND_SHORT ? 0 : params->shift[count - 1];
    }
    return at;
}

/* The sum of a window as an output. */
MCUCC_INLINE int8_t mcucc_pool_finish(int32_t acc, int32_t multiplier, int32_t shift,
                                      int32_t zero_point, int32_t lo, int32_t hi,
                                      mcucc_rounding rounding)
{
    if (rounding == MCUCC_ROUND_DIVIDE) {
        return (int8_t)mcucc_clamp(mcucc_divide_half_away(acc, multiplier), lo, hi);
    }
    return mcucc_finish(acc, multiplier, shift, zero_point, lo, hi, rounding);
}

#endif
