/* Row pointers: how a step tells a kernel where the rows of its window lie. */
#ifndef MCUCC_ROWS_H
#define MCUCC_ROWS_H

#include <string.h>

#include "mcucc/compiler.h"
#include "mcucc/mcucc.h"

/* Bytes of the arena that hold rows of one tensor: pixel (row, column) lies at
 * offset + row % rows * pitch + column * pixel, columns counted from the buffer's left edge. */
typedef struct {
    int32_t offset; /* bytes from the start of the arena */
    int32_t rows;   /* rows that it holds at a time */
    int32_t height; /* rows of the whole tensor */
    int32_t pitch;  /* bytes from row to row */
    int32_t pixel;  /* bytes from pixel to pixel */
} mcucc_buffer;

/* The rows of one tensor that a step reads, and which of them a kernel call wants. Rows from
 * fresh_from on were made in this very step and lie in a buffer of their own. */
typedef struct {
    const mcucc_buffer *buffer;
    const int8_t *data;        /* its row 0, at the column that the kernel's pointers point at */
    const mcucc_buffer *fresh; /* NULL: all rows are in `buffer` */
    const int8_t *fresh_data;
    int32_t fresh_from;
    const int8_t *padding; /* a row of padding values; NULL where the window never leaves */
    int32_t stride;        /* output row r reads rows r * stride - pad + i * dilation, i < taps */
    int32_t pad;
    int32_t taps;
    int32_t dilation;
    int32_t upsample; /* more than 1: (r * stride + phase) / upsample instead of r * stride */
    int32_t phase;
} mcucc_rows;

/* What step t computes: [rate * t + lo, rate * t + hi) inside [0, size). */
MCUCC_CODE static inline mcucc_range mcucc_sweep(int32_t t, int32_t rate, int32_t lo, int32_t hi,
                                                 int32_t size)
{
    mcucc_range range = {rate * t + lo, rate * t + hi};

    if (range.begin < 0) {
        range.begin = 0;
    }
    if (range.end > size) {
        range.end = size;
    }
    if (range.begin > range.end) {
        range.begin = range.end; /* nothing */
    }
    return range;
}

/* The positions inside [0, size) that windows of `range` reach, those between their taps too. */
MCUCC_CODE static inline mcucc_range mcucc_reach(mcucc_range range, int32_t stride, int32_t pad,
                                                 int32_t kernel, int32_t size)
{
    return mcucc_sweep(0, 0, range.begin * stride - pad, (range.end - 1) * stride - pad + kernel,
                       size);
}

/* The positions that a table lists for a step. */
MCUCC_CODE static inline mcucc_range mcucc_listed(const int16_t ends[2])
{
    const mcucc_range range = {ends[0], ends[1]};

    return range;
}

/* The same of a tensor with more rows or columns than 16 bits count. */
MCUCC_CODE static inline mcucc_range mcucc_listed_wide(const int32_t ends[2])
{
    const mcucc_range range = {ends[0], ends[1]};

    return range;
}

/* The slot of a row; most tensors are whole and need no division. */
MCUCC_CODE static inline int32_t mcucc_slot(int32_t row, int32_t slots)
{
    return row < slots ? row : row % slots;
}

MCUCC_CODE static inline int32_t mcucc_least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Row 0 of a buffer at a column. Buffers are constants: all that is said of them here is folded
 * where it is inlined. */
MCUCC_INLINE int8_t *mcucc_column(int8_t *arena, const mcucc_buffer *buffer, int32_t column)
{
    return arena + buffer->offset + column * buffer->pixel;
}

/* Where a row lies behind row 0, bytes. */
MCUCC_INLINE int32_t mcucc_down(const mcucc_buffer *buffer, int32_t row)
{
    return (buffer->rows >= buffer->height ? row : row % buffer->rows) * buffer->pitch;
}

/* A pixel. */
MCUCC_INLINE int8_t *mcucc_pixel(int8_t *arena, const mcucc_buffer *buffer, int32_t row,
                                 int32_t column)
{
    return mcucc_column(arena, buffer, column) + mcucc_down(buffer, row);
}

/* The first pixel of a row. */
MCUCC_INLINE int8_t *mcucc_row(int8_t *arena, const mcucc_buffer *buffer, int32_t row)
{
    return arena + buffer->offset + mcucc_down(buffer, row);
}

/* The sums of a reduction, which lie at the start of a buffer. */
MCUCC_INLINE int32_t *mcucc_sums(int8_t *arena, const mcucc_buffer *buffer)
{
    return (int32_t *)(void *)(arena + buffer->offset);
}

/* Copy pixels of a tensor from column `from` of a buffer to column `to` of another or the same. */
MCUCC_INLINE void mcucc_copy(int8_t *arena, const mcucc_buffer *source, int32_t from,
                             const mcucc_buffer *target, int32_t to, mcucc_range rows,
                             mcucc_range columns)
{
    for (int32_t row = rows.begin; row < rows.end; row++) {
        memmove(mcucc_pixel(arena, target, row, to), mcucc_pixel(arena, source, row, from),
                (size_t)(columns.end - columns.begin) * (size_t)source->pixel);
    }
}

/* Point window[0..taps) at the input rows that output row `row` reads; rows outside the tensor are
 * the padding row. */
MCUCC_INLINE void mcucc_window(const int8_t **window, const mcucc_rows *x, int32_t row)
{
    const mcucc_buffer *const buffer = x->buffer, *const fresh = x->fresh;
    int32_t at = row * x->stride + x->phase;

    if (x->upsample > 1) {
        at /= x->upsample;
    }
    at -= x->pad;
    for (int32_t tap = 0; tap < x->taps; tap++) {
        if (at < 0 || at >= buffer->height) {
            window[tap] = x->padding;
        } else if (fresh != NULL && at >= x->fresh_from) {
            window[tap] = x->fresh_data + mcucc_slot(at, fresh->rows) * fresh->pitch;
        } else {
            window[tap] = x->data + mcucc_slot(at, buffer->rows) * buffer->pitch;
        }
        at += x->dilation;
    }
}

#endif
