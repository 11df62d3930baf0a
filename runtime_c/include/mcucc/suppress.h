/* Suppress: sorted lists of records become one, the best first; what is the same thing is there
 * once.
 *
 * TENSOR kernel: rows[i] is list i, `lengths[i]` records of `record_bytes`, which a score of 0 ends;
 * `out` has `most` records and is no input. It needs no memory but them.
 */
#ifndef MCUCC_SUPPRESS_H
#define MCUCC_SUPPRESS_H

#include "mcucc/mcucc.h"

#define MCUCC_SUPPRESS_LISTS 16

typedef struct {
    int32_t lists; /* at most MCUCC_SUPPRESS_LISTS */
    const int16_t *lengths;
    int32_t most;
    int32_t record_bytes;
    int32_t merge;    /* mcucc_merge */
    int32_t agnostic; /* 1: whatever their class */
    int32_t share;    /* of the union, 2^-16: an intersection of more is the same thing */
} mcucc_suppress_params;

typedef enum {
    MCUCC_MERGE_NMS,      /* the best of those that overlap */
    MCUCC_MERGE_TOUCHING, /* the box around those that meet, at most 1/16 pixel apart */
    MCUCC_MERGE_NONE
} mcucc_merge;

void mcucc_suppress(const mcucc_suppress_params *params, const int8_t *const *rows, int8_t *out,
                    const mcucc_span *span);

#endif
