/* ResizeBilinear: every output is a blend of the four pixels around its place in the input.
 *
 * ROW kernel. rows[0] and rows[1] are the pixels of column span->input_column in the rows above and
 * below the place; one of them is NULL at the borders, where the other counts for both. Output
 * column c lies at (c * column_step + column_phase) / column_unit - pad_left, rows likewise.
 */
#ifndef MCUCC_RESIZE_BILINEAR_H
#define MCUCC_RESIZE_BILINEAR_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t input_width;
    int32_t row_step;
    int32_t row_unit;
    int32_t row_phase;
    int32_t column_step;
    int32_t column_unit;
    int32_t column_phase;
    int32_t pad_left;
    int32_t bits; /* row_unit * column_unit is below 2^(bits + 1) */
} mcucc_resize_bilinear_params;

void mcucc_resize_bilinear(const mcucc_resize_bilinear_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span);

/* Four channels a time, two in a word: row_unit and column_unit are powers of two, their product
 * 2^bits is in [2, 256]. */
void mcucc_resize_bilinear_lanes(const mcucc_resize_bilinear_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
