#include "mcucc/max_pool_armv7em.h"

#include "mcucc/armv7em.h"
#include "mcucc/window.h"

/* Channels of a word. */
#define BLOCK 4

/* Of the windows with a function of their own. */
#define LARGEST 5

/* What never wins, -128, four times. */
#define LEAST UINT32_C(0x80808080)

/* The largest of a window of `size` x `size` taps that are `step` bytes apart in the rows x. */
MCUCC_INLINE uint32_t largest_of_square(const int8_t *const *x, int32_t step, int32_t size)
{
    uint32_t largest = mcucc_load(x[0]);
    MCUCC_UNROLL
    for (int32_t row = 0; row < size; ++row) {
        MCUCC_UNROLL
        for (int32_t tap = row == 0; tap < size; ++tap) {
            largest = mcucc_larger_bytes(largest, mcucc_load(x[row] + tap * step));
        }
    }
    return largest;
}

/* All channels of a pixel whose taps all lie inside the input; they begin at byte `offset`. */
MCUCC_INLINE void pool_square(const int8_t *const *rows, int8_t *out, int32_t offset, int32_t step,
                              int32_t channels, int32_t size)
{
    const int8_t *x[LARGEST];
    int32_t left = channels;
    MCUCC_UNROLL
    for (int32_t row = 0; row < size; ++row) {
        x[row] = rows[row] + offset;
    }
    for (; left >= BLOCK; left -= BLOCK) {
        mcucc_store_word(out, largest_of_square(x, step, size));
        MCUCC_UNROLL
        for (int32_t row = 0; row < size; ++row) {
            x[row] += BLOCK;
        }
        out += BLOCK;
    }
    if (left > 0) { /* the last four channels, of which some are done */
        MCUCC_UNROLL
        for (int32_t row = 0; row < size; ++row) {
            x[row] -= BLOCK - left;
        }
        mcucc_store_word(out - (BLOCK - left), largest_of_square(x, step, size));
    }
}

/* The same with `taps` columns of any window, one or more. */
MCUCC_CODE static void pool_taps(const mcucc_max_pool_armv7em_params *params,
                                 const int8_t *const *rows, int8_t *out, int32_t offset,
                                 int32_t taps)
{
    const int32_t step = params->dilation_w * params->channels;
    const int32_t last = params->channels - BLOCK;
    /* Two words at a time, both within the pixel: the second may be the first. */
    for (int32_t next = 0; next < params->channels; next += 2 * BLOCK) {
        const int32_t channel = next < last ? next : last;
        const int32_t second = next + BLOCK < last ? BLOCK : last - channel;
        uint32_t a = LEAST;
        uint32_t b = LEAST;
        for (int32_t row = 0; row < params->kernel_h; ++row) {
            const int8_t *x = rows[row] + offset + channel;
            for (int32_t left = taps; left > 0; --left) {
                a = mcucc_larger_bytes(a, mcucc_load(x));
                b = mcucc_larger_bytes(b, mcucc_load(x + second));
                x += step;
            }
        }
        mcucc_store_word(out + channel, a);
        mcucc_store_word(out + channel + second, b);
    }
}

/* `size` is that of a square window, or 0: any. */
MCUCC_INLINE void max_pool(const mcucc_max_pool_armv7em_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span, int32_t size)
{
    const int32_t channels = params->channels;
    const int32_t step = params->dilation_w * channels;
    const mcucc_range inside =
        mcucc_interior(span, params->kernel_w, params->stride_w, params->dilation_w,
                       params->pad_left, params->input_width);
    int8_t *y = out;

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t first = column * params->stride_w - params->pad_left;
        if (size != 0 && column >= inside.begin && column < inside.end) {
            pool_square(rows, y, (first - span->input_column) * channels, step, channels, size);
        } else {
            const mcucc_range taps =
                mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
            const int32_t tap = first + taps.begin * params->dilation_w - span->input_column;
            if (taps.begin < taps.end) {
                pool_taps(params, rows, y, tap * channels, taps.end - taps.begin);
            } else {
                memset(y, -128, (size_t)channels);
            }
        }
        y += channels;
    }
    mcucc_clamp_bytes(out, (span->end - span->begin) * channels, params->lo, params->hi);
}

MCUCC_CODE void mcucc_max_pool_armv7em(const mcucc_max_pool_armv7em_params *params,
                                       const int8_t *const *rows, int8_t *out,
                                       const mcucc_span *span)
{
    max_pool(params, rows, out, span, 0);
}

MCUCC_CODE void mcucc_max_pool_armv7em_2_2(const mcucc_max_pool_armv7em_params *params,
                                           const int8_t *const *rows, int8_t *out,
                                           const mcucc_span *span)
{
    max_pool(params, rows, out, span, 2);
}

MCUCC_CODE void mcucc_max_pool_armv7em_3_3(const mcucc_max_pool_armv7em_params *params,
                                           const int8_t *const *rows, int8_t *out,
                                           const mcucc_span *span)
{
    max_pool(params, rows, out, span, 3);
}

MCUCC_CODE void mcucc_max_pool_armv7em_5_5(const mcucc_max_pool_armv7em_params *params,
                                           const int8_t *const *rows, int8_t *out,
                                           const mcucc_span *span)
{
    max_pool(params, rows, out, span, 5);
}
