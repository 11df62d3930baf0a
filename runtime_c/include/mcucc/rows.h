/* Row pointers: how a step tells a kernel where the rows of its window lie. */
#ifndef MCUCC_ROWS_H
#define MCUCC_ROWS_H

#include "mcucc/mcucc.h"

/* A tensor whose rows all lie in the arena, one after the other. */
typedef struct {
    const int8_t *data;
    int32_t row_bytes;
    int32_t height;
    const int8_t *padding; /* a row of padding values; NULL where the window never leaves */
} mcucc_rows;

/* Point rows[0..taps) at the input rows first, first + dilation, ...; rows outside the tensor are
 * the padding row. */
static inline void mcucc_window(const int8_t **rows, const mcucc_rows *tensor, int32_t first,
                                int32_t taps, int32_t dilation)
{
    int32_t row = first;

    for (int32_t tap = 0; tap < taps; tap++) {
        const int inside = row >= 0 && row < tensor->height;
        rows[tap] = inside ? tensor->data + row * tensor->row_bytes : tensor->padding;
        row += dilation;
    }
}

#endif
