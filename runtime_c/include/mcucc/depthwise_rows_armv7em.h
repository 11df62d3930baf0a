/* The inner loops of the depthwise convolution on Armv7E-M: planes of pairs to outputs.
 * mcucc/depthwise_armv7em.h describes planes and constants.
 */
#ifndef MCUCC_DEPTHWISE_ROWS_ARMV7EM_H
#define MCUCC_DEPTHWISE_ROWS_ARMV7EM_H

#include "mcucc/abi.h"
#include "mcucc/finish_armv7em.h"

#define MCUCC_PLANE_WORDS 4 /* channels of a plane */

/* Four channels of a tile. The fields are read by assembly: their order is fixed. */
typedef struct {
    const uint32_t *pairs;  /* the first column of the first plane */
    const uint32_t *last;   /* the first pair of columns of the last row's plane */
    const uint32_t *stream; /* the channels' constants */
    int8_t *out;            /* channels follow each other */
    int32_t step;           /* bytes from one output to the next */
    const uint32_t *end;    /* `pairs` after the last output; outputs come in fours, at least 4 */
    int32_t plane_bytes;
    int32_t addend; /* of all channels, where they do not have their own */
    int32_t shift;
} mcucc_depthwise_block;

/* Rearrange `count` columns of four channels of two rows into pairs. */
void mcucc_depthwise_split(uint32_t *plane, const int8_t *upper, const int8_t *lower, int32_t step,
                           int32_t count);

/* All outputs of a block. */
#define MCUCC_DEPTHWISE_ROWS(kernel, stride)                                                    \
    void mcucc_depthwise_rows_##kernel##_##stride##_high(const mcucc_depthwise_block *block);   \
    void mcucc_depthwise_rows_##kernel##_##stride##_common(const mcucc_depthwise_block *block); \
    void mcucc_depthwise_rows_##kernel##_##stride##_shift(const mcucc_depthwise_block *block);  \
    void mcucc_depthwise_rows_##kernel##_##stride##_double(const mcucc_depthwise_block *block);

MCUCC_DEPTHWISE_ROWS(3, 1)
MCUCC_DEPTHWISE_ROWS(3, 2)
MCUCC_DEPTHWISE_ROWS(5, 1)
MCUCC_DEPTHWISE_ROWS(5, 2)
MCUCC_DEPTHWISE_ROWS(7, 1)
MCUCC_DEPTHWISE_ROWS(7, 2)

#endif
