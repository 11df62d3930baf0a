/* ArgMax: which channel of each pixel holds the largest value, or the smallest; less 128.
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, one byte each.
 */
#ifndef MCUCC_ARG_MAX_H
#define MCUCC_ARG_MAX_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t largest; /* 1: the largest value, 0: the smallest */
    int32_t last;    /* of equal values 1: the last, 0: the first */
} mcucc_arg_max_params;

void mcucc_arg_max(const mcucc_arg_max_params *params, const int8_t *const *rows, int8_t *out,
                   const mcucc_span *span);

#endif
