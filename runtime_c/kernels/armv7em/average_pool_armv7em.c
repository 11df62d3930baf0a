#include "mcucc/average_pool_armv7em.h"

#include "mcucc/finish_armv7em.h"
#include "mcucc/pool_pixel.h"

/* Channels of a word. */
#define BLOCK 4

/* A sum as an output; MCUCC_ROUND_SHORT is the form HIGH. */
MCUCC_INLINE int8_t finish(const mcucc_average_pool_params *params, const mcucc_pool_pixel *at,
                           int32_t sum, mcucc_rounding rounding)
{
    if (rounding == MCUCC_ROUND_SHORT) {
        const mcucc_factor factor = {at->multiplier, params->output_zero_point, 0};
        return mcucc_finish_factor(sum * MCUCC_POOL_SCALE, factor, MCUCC_FORM_HIGH);
    }
    return mcucc_pool_finish(sum, at->multiplier, at->shift, params->output_zero_point, -128, 127,
                             rounding);
}

/* Four channels: the sums of bytes 0 and 2, and of bytes 1 and 3. */
MCUCC_INLINE void finish_four(const mcucc_average_pool_params *params, const mcucc_pool_pixel *at,
                              uint32_t even, uint32_t odd, int8_t *out, mcucc_rounding rounding)
{
    out[0] = finish(params, at, mcucc_bottom(even), rounding);
    out[1] = finish(params, at, mcucc_bottom(odd), rounding);
    out[2] = finish(params, at, mcucc_top(even), rounding);
    out[3] = finish(params, at, mcucc_top(odd), rounding);
}

/* Four channels from `channel` on, and four `second` channels further. */
MCUCC_INLINE void pool(const mcucc_average_pool_params *params, const int8_t *const *rows,
                       int8_t *out, const mcucc_pool_pixel *at, int32_t channel, int32_t second,
                       mcucc_rounding rounding)
{
    const int32_t step = params->dilation_w * params->channels;
    uint32_t even = mcucc_pair(-at->zeros, -at->zeros);
    uint32_t odd = even;
    uint32_t second_even = even;
    uint32_t second_odd = even;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        const int8_t *x = rows[row] + at->offset + channel;
        for (int32_t left = at->columns; left > 0; --left) {
            const uint32_t word = mcucc_load(x);
            const uint32_t second_word = mcucc_load(x + second);
            even = mcucc_add_even_bytes(even, word);
            odd = mcucc_add_odd_bytes(odd, word);
            second_even = mcucc_add_even_bytes(second_even, second_word);
            second_odd = mcucc_add_odd_bytes(second_odd, second_word);
            x += step;
        }
    }
    finish_four(params, at, even, odd, out + channel, rounding);
    finish_four(params, at, second_even, second_odd, out + channel + second, rounding);
}

MCUCC_INLINE void average_pool(const mcucc_average_pool_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span, mcucc_rounding rounding)
{
    const int32_t channels = params->channels;
    const int32_t last = channels - BLOCK;
    const int32_t rows_inside = mcucc_pool_rows(params, span);
    int8_t *y = out;

    for (int32_t column = span->begin; column < span->end; ++column) {
        const mcucc_pool_pixel at = mcucc_pool_select(params, span, column, rows_inside, rounding);
        /* Eight channels at a time, all within the pixel: some at its end are computed twice. */
        for (int32_t next = 0; next < channels; next += 2 * BLOCK) {
            const int32_t channel = next < last ? next : last;
            const int32_t second = next + BLOCK < last ? BLOCK : last - channel;
            pool(params, rows, y, &at, channel, second, rounding);
        }
        y += channels;
    }
    mcucc_clamp_bytes(out, (span->end - span->begin) * channels, params->lo, params->hi);
}

MCUCC_CODE void mcucc_average_pool_armv7em_high(const mcucc_average_pool_armv7em_params *params,
                                                const int8_t *const *rows, int8_t *out,
                                                const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_ROUND_SHORT);
}

MCUCC_CODE void mcucc_average_pool_armv7em_double(const mcucc_average_pool_armv7em_params *params,
                                                  const int8_t *const *rows, int8_t *out,
                                                  const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}

MCUCC_CODE void mcucc_average_pool_divide_armv7em(const mcucc_average_pool_armv7em_params *params,
                                                  const int8_t *const *rows, int8_t *out,
                                                  const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_ROUND_DIVIDE);
}
