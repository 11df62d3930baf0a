/* Constant: a tensor that lies in flash.
 *
 * ROW kernel. rows[0] is not read; `out` is the output pixel of column span->begin.
 */
#ifndef MCUCC_CONSTANT_H
#define MCUCC_CONSTANT_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t row_step;    /* values from one row to the next; 0: all rows are the same */
    int32_t column_step; /* and from one pixel to the next; 0: all columns are the same */
    int32_t one_value;   /* 1: a pixel has one value, that of all its channels */
    const int8_t *values;
} mcucc_constant_params;

void mcucc_constant(const mcucc_constant_params *params, const int8_t *const *rows, int8_t *out,
                    const mcucc_span *span);

#endif
