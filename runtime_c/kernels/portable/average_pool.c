#include "mcucc/average_pool.h"

#include "mcucc/window.h"

/* Channels are summed four at a time in registers. */
#define BLOCK 4

/* One output pixel: its taps and the factor that divides by their number. */
typedef struct {
    int32_t offset;     /* byte of the first valid tap in every row */
    int32_t columns;    /* valid taps of a row */
    int32_t zeros;      /* what the zero points add to the sum */
    int32_t multiplier; /* or (MCUCC_ROUND_DIVIDE) the number of taps */
    int32_t shift;
} pixel;

MCUCC_INLINE int8_t finish(int32_t acc, int32_t multiplier, int32_t shift, int32_t zero_point,
                           int32_t lo, int32_t hi, mcucc_rounding rounding)
{
    if (rounding == MCUCC_ROUND_DIVIDE) {
        return (int8_t)mcucc_clamp(mcucc_divide_half_away(acc, multiplier), lo, hi);
    }
    return mcucc_finish(acc, multiplier, shift, zero_point, lo, hi, rounding);
}

/* BLOCK channels, or (width 1) one. */
MCUCC_INLINE void pool(const mcucc_average_pool_params *params, const int8_t *const *rows,
                       int8_t *out, const pixel *at, int32_t channel, int32_t width,
                       mcucc_rounding rounding)
{
    const int32_t tap_bytes = params->dilation_w * params->channels;
    const int32_t m = at->multiplier;
    const int32_t s = at->shift;
    const int32_t zero = params->output_zero_point;
    const int32_t lo = params->lo;
    const int32_t hi = params->hi;
    int32_t a = -at->zeros;
    int32_t b = a;
    int32_t c = a;
    int32_t d = a;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        for (int32_t tap = 0; tap < at->columns; ++tap) {
            const int8_t *x = rows[row] + at->offset + tap * tap_bytes + channel;
            a += x[0];
            if (width == BLOCK) {
                b += x[1];
                c += x[2];
                d += x[3];
            }
        }
    }
    out += channel;
    out[0] = finish(a, m, s, zero, lo, hi, rounding);
    if (width == BLOCK) {
        out[1] = finish(b, m, s, zero, lo, hi, rounding);
        out[2] = finish(c, m, s, zero, lo, hi, rounding);
        out[3] = finish(d, m, s, zero, lo, hi, rounding);
    }
}

MCUCC_INLINE pixel select_pixel(const mcucc_average_pool_params *params, const mcucc_span *span,
                                int32_t column, int32_t rows, mcucc_rounding rounding)
{
    const int32_t first = column * params->stride_w - params->pad_left;
    const mcucc_range taps =
        mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
    const int32_t tap = first + taps.begin * params->dilation_w - span->input_column;
    pixel at;
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
        at.shift = params->shift[count - 1];
    }
    return at;
}

MCUCC_INLINE void average_pool(const mcucc_average_pool_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span, mcucc_rounding rounding)
{
    const int32_t channels = params->channels;
    const mcucc_range valid =
        mcucc_valid_taps(span->row * params->stride_h - params->pad_top, params->kernel_h,
                         params->dilation_h, params->input_height);

    for (int32_t column = span->begin; column < span->end; ++column) {
        const pixel at = select_pixel(params, span, column, valid.end - valid.begin, rounding);
        int32_t channel = 0;
        for (; channel + BLOCK <= channels; channel += BLOCK) {
            pool(params, rows, out, &at, channel, BLOCK, rounding);
        }
        for (; channel < channels; ++channel) {
            pool(params, rows, out, &at, channel, 1, rounding);
        }
        out += channels;
    }
}

void mcucc_average_pool(const mcucc_average_pool_params *params, const int8_t *const *rows,
                        int8_t *out, const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

void mcucc_average_pool_double(const mcucc_average_pool_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}

void mcucc_average_pool_divide(const mcucc_average_pool_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_ROUND_DIVIDE);
}
