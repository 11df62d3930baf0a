#include "mcucc/max_pool.h"

#include "mcucc/window.h"

/* Channels are computed four at a time in registers. */
#define BLOCK 4

MCUCC_INLINE int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* BLOCK channels, or (width 1) one: `offset` is the byte of the first valid tap in every row. */
MCUCC_INLINE void pool(const mcucc_max_pool_params *params, const int8_t *const *rows, int8_t *out,
                       int32_t offset, int32_t taps, int32_t width)
{
    const int32_t tap_bytes = params->dilation_w * params->channels;
    int32_t a = -128;
    int32_t b = -128;
    int32_t c = -128;
    int32_t d = -128;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        for (int32_t tap = 0; tap < taps; ++tap) {
            const int8_t *x = rows[row] + offset + tap * tap_bytes;
            a = larger(a, x[0]);
            if (width == BLOCK) {
                b = larger(b, x[1]);
                c = larger(c, x[2]);
                d = larger(d, x[3]);
            }
        }
    }
    out[0] = (int8_t)mcucc_clamp(a, params->lo, params->hi);
    if (width == BLOCK) {
        out[1] = (int8_t)mcucc_clamp(b, params->lo, params->hi);
        out[2] = (int8_t)mcucc_clamp(c, params->lo, params->hi);
        out[3] = (int8_t)mcucc_clamp(d, params->lo, params->hi);
    }
}

MCUCC_CODE void mcucc_max_pool(const mcucc_max_pool_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span)
{
    const int32_t channels = params->channels;
    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t first = column * params->stride_w - params->pad_left;
        const mcucc_range taps =
            mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
        const int32_t tap = first + taps.begin * params->dilation_w - span->input_column;
        const int32_t offset = tap * channels;
        const int32_t valid = taps.end - taps.begin;
        int32_t channel = 0;
        for (; channel + BLOCK <= channels; channel += BLOCK) {
            pool(params, rows, out + channel, offset + channel, valid, BLOCK);
        }
        for (; channel < channels; ++channel) {
            pool(params, rows, out + channel, offset + channel, valid, 1);
        }
        out += channels;
    }
}
