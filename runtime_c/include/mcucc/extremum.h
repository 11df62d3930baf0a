/* Extremum: the larger of two tensors, or the smaller, element by element.
 *
 * ROW kernel. rows[0] and rows[1] are the pixels of column span->begin of both, `out` that of the
 * output, which may be either of them.
 */
#ifndef MCUCC_EXTREMUM_H
#define MCUCC_EXTREMUM_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t largest;      /* 1: the larger, 0: the smaller */
    const int8_t *tables; /* [2][256], each input in units of the output; NULL: they are already */
} mcucc_extremum_params;

void mcucc_extremum(const mcucc_extremum_params *params, const int8_t *const *rows, int8_t *out,
                    const mcucc_span *span);

#endif
