/* Two pixels in one word, p + q * 2^lane: one multiplication by a weight serves both.
 *
 * A sum of such products is P + Q * 2^lane, and P is read off its low bits wherever the compiler
 * proved that |P| < 2^(lane - 1). Words are filled once a window and shared by all output channels.
 */
#ifndef MCUCC_PAIRS_H
#define MCUCC_PAIRS_H

#include "mcucc/finish.h"
#include "mcucc/window.h"

/* The rows of a convolution's window, and where they lie in its input. */
typedef struct {
    const int8_t *const *rows;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t dilation_w;
    int32_t channels;
    int32_t width; /* of the whole input, in pixels */
    int32_t input_column;
    int32_t zero_point;
} mcucc_pair_window;

MCUCC_INLINE uint32_t mcucc_pair_word(int32_t p, int32_t q, int32_t lane)
{
    return (uint32_t)p + ((uint32_t)q << lane);
}

/* `count` inputs that lie together. */
MCUCC_INLINE uint32_t *mcucc_pair_run(uint32_t *words, const int8_t *p, const int8_t *q,
                                      int32_t count, int32_t lane)
{
    for (; count >= 4; count -= 4) {
        words[0] = mcucc_pair_word(p[0], q[0], lane);
        words[1] = mcucc_pair_word(p[1], q[1], lane);
        words[2] = mcucc_pair_word(p[2], q[2], lane);
        words[3] = mcucc_pair_word(p[3], q[3], lane);
        words += 4;
        p += 4;
        q += 4;
    }
    for (; count > 0; --count) {
        *words++ = mcucc_pair_word(*p++, *q++, lane);
    }
    return words;
}

/* Where one tap of one pixel is read, and the step from channel to channel: 0 in the padding. */
typedef struct {
    const int8_t *x;
    int32_t step;
} mcucc_pair_tap;

MCUCC_INLINE mcucc_pair_tap mcucc_pair_find(const mcucc_pair_window *window, const int8_t *row,
                                            int32_t column, const int8_t *zero)
{
    const int32_t inside = column >= 0 && column < window->width;
    const mcucc_pair_tap outside = {zero, 0};
    const mcucc_pair_tap within = {row + (column - window->input_column) * window->channels, 1};
    return inside ? within : outside;
}

/* All taps of the two windows that start at the input columns p and q; some may be padding. */
MCUCC_INLINE void mcucc_pair_border(const mcucc_pair_window *window, uint32_t *words, int32_t p,
                                    int32_t q, int32_t lane)
{
    const int8_t zero = (int8_t)window->zero_point;
    for (int32_t row = 0; row < window->kernel_h; ++row) {
        for (int32_t tap = 0; tap < window->kernel_w; ++tap) {
            const int32_t ahead = tap * window->dilation_w;
            mcucc_pair_tap a = mcucc_pair_find(window, window->rows[row], p + ahead, &zero);
            mcucc_pair_tap b = mcucc_pair_find(window, window->rows[row], q + ahead, &zero);
            for (int32_t i = 0; i < window->channels; ++i) {
                *words++ = mcucc_pair_word(*a.x, *b.x, lane);
                a.x += a.step;
                b.x += b.step;
            }
        }
    }
}

/* The same where no tap is padding and a kernel row is one run. */
MCUCC_INLINE void mcucc_pair_inside(const mcucc_pair_window *window, uint32_t *words, int32_t p,
                                    int32_t q, int32_t lane)
{
    const int32_t offset = (p - window->input_column) * window->channels;
    const int32_t step = (q - p) * window->channels;
    const int32_t run = window->kernel_w * window->channels;
    for (int32_t row = 0; row < window->kernel_h; ++row) {
        const int8_t *x = window->rows[row] + offset;
        words = mcucc_pair_run(words, x, x + step, run, lane);
    }
}

/* A span's output columns, two at a time; a last single one is paired with itself. */
typedef struct {
    mcucc_range inside; /* columns without padding whose kernel rows are one run */
    int32_t column;
    int32_t end;
    int32_t first; /* input column of the first tap */
    int32_t stride;
    int32_t two; /* whether the last pair was of two columns */
} mcucc_pair_columns;

MCUCC_INLINE mcucc_pair_columns mcucc_pair_start(const mcucc_pair_window *window,
                                                 const mcucc_span *span, int32_t stride,
                                                 int32_t pad)
{
    const int32_t runs = window->dilation_w == 1 || window->kernel_w == 1;
    mcucc_pair_columns columns = {
        mcucc_interior(span, window->kernel_w, stride, window->dilation_w, pad, window->width),
        span->begin,
        span->end,
        span->begin * stride - pad,
        stride,
        0,
    };
    columns.inside.end = runs ? columns.inside.end : 0;
    return columns;
}

/* Fill `words` with the windows of the next two columns; 0 where there is none. */
MCUCC_INLINE int32_t mcucc_pair_next(mcucc_pair_columns *columns, const mcucc_pair_window *window,
                                     uint32_t *words, int32_t lane)
{
    const int32_t column = columns->column;
    const int32_t two = column + 1 < columns->end;
    const int32_t p = columns->first;
    const int32_t q = two ? p + columns->stride : p;
    if (column >= columns->end) {
        return 0;
    }
    if (column >= columns->inside.begin && column + two < columns->inside.end) {
        mcucc_pair_inside(window, words, p, q, lane);
    } else {
        mcucc_pair_border(window, words, p, q, lane);
    }
    columns->column = column + 2;
    columns->first = p + 2 * columns->stride;
    columns->two = two;
    return 1;
}

/* The sums of two pixels for one channel, its bias not yet added. */
typedef struct {
    int32_t p;
    int32_t q;
} mcucc_pair_sum;

/* Where the outputs of a group of channels go. */
typedef struct {
    const mcucc_finish_tables *tables;
    const mcucc_pair_sum *sums;
    int32_t channel;
    int8_t *p;
    int8_t *q;
} mcucc_pair_outputs;

MCUCC_INLINE void mcucc_pair_finish(const mcucc_pair_outputs *at, int32_t count,
                                    mcucc_finish_form form)
{
    MCUCC_UNROLL
    for (int32_t i = 0; i < count; ++i) {
        const mcucc_finish_channel finish = mcucc_finish_load(at->tables, at->channel + i, form);
        at->p[i] = mcucc_finish_sum(at->sums[i].p, finish, form);
        at->q[i] = mcucc_finish_sum(at->sums[i].q, finish, form);
    }
}

#endif
