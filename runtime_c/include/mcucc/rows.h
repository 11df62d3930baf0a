/* Row pointers: how a step tells a kernel where the rows of its window lie. */
#ifndef MCUCC_ROWS_H
#define MCUCC_ROWS_H

#include "mcucc/mcucc.h"

/* Positions [begin, end) of rows or columns. */
typedef struct {
    int32_t begin;
    int32_t end;
} mcucc_range;

/* Where a step finds the rows of one tensor. Row r of those computed before lies in slot
 * r % slots; rows from fresh_from on, made in this very step, lie in a tile of their own. */
typedef struct {
    const int8_t *data;
    int32_t pitch; /* bytes from slot to slot */
    int32_t slots;
    const int8_t *fresh; /* NULL where all rows lie in `data` */
    int32_t fresh_pitch;
    int32_t fresh_slots;
    int32_t fresh_from;
    int32_t height;        /* of the whole tensor */
    const int8_t *padding; /* a row of padding values; NULL where the window never leaves */
} mcucc_rows;

/* What step t computes: [rate * t + lo, rate * t + hi) inside [0, size). */
static inline mcucc_range mcucc_sweep(int32_t t, int32_t rate, int32_t lo, int32_t hi, int32_t size)
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
static inline mcucc_range mcucc_reach(mcucc_range range, int32_t stride, int32_t pad,
                                      int32_t kernel, int32_t size)
{
    return mcucc_sweep(0, 0, range.begin * stride - pad, (range.end - 1) * stride - pad + kernel,
                       size);
}

/* The slot of a row; most tensors are whole and need no division. */
static inline int32_t mcucc_slot(int32_t row, int32_t slots)
{
    return row < slots ? row : row % slots;
}

static inline int32_t mcucc_least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Point rows[0..taps) at the input rows first, first + dilation, ...; rows outside the tensor are
 * the padding row. */
static inline void mcucc_window(const int8_t **rows, const mcucc_rows *tensor, int32_t first,
                                int32_t taps, int32_t dilation)
{
    int32_t row = first;

    for (int32_t tap = 0; tap < taps; tap++) {
        if (row < 0 || row >= tensor->height) {
            rows[tap] = tensor->padding;
        } else if (tensor->fresh != NULL && row >= tensor->fresh_from) {
            rows[tap] = tensor->fresh + mcucc_slot(row, tensor->fresh_slots) * tensor->fresh_pitch;
        } else {
            rows[tap] = tensor->data + mcucc_slot(row, tensor->slots) * tensor->pitch;
        }
        row += dilation;
    }
}

#endif
