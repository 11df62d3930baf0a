#include "mcucc/average_pool.h"

#include "mcucc/pool_pixel.h"

/* Channels are summed four at a time in registers. */
#define BLOCK 4

/* BLOCK channels, or (width 1) one. */
MCUCC_INLINE void pool(const mcucc_average_pool_params *params, const int8_t *const *rows,
                       int8_t *out, const mcucc_pool_pixel *at, int32_t channel, int32_t width,
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
    out[0] = mcucc_pool_finish(a, m, s, zero, lo, hi, rounding);
    if (width == BLOCK) {
        out[1] = mcucc_pool_finish(b, m, s, zero, lo, hi, rounding);
        out[2] = mcucc_pool_finish(c, m, s, zero, lo, hi, rounding);
        out[3] = mcucc_pool_finish(d, m, s, zero, lo, hi, rounding);
    }
}

MCUCC_INLINE void average_pool(const mcucc_average_pool_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span, mcucc_rounding rounding)
{
    const int32_t channels = params->channels;
    const int32_t rows_inside = mcucc_pool_rows(params, span);

    for (int32_t column = span->begin; column < span->end; ++column) {
        const mcucc_pool_pixel at = mcucc_pool_select(params, span, column, rows_inside, rounding);
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

MCUCC_CODE void mcucc_average_pool(const mcucc_average_pool_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_average_pool_double(const mcucc_average_pool_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}

MCUCC_CODE void mcucc_average_pool_divide(const mcucc_average_pool_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_ROUND_DIVIDE);
}
