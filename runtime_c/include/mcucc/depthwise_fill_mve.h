/* The rearrangement of mcucc/depthwise_mve.h: channels of four rows become words of four rows. */
#ifndef MCUCC_DEPTHWISE_FILL_MVE_H
#define MCUCC_DEPTHWISE_FILL_MVE_H

#include "mcucc/abi.h"
#include "mcucc/mve.h"

/* Channels and rows that go together, and the bytes of such a set of one column. */
#define MCUCC_BLOCK_MVE 16
#define MCUCC_SET_ROWS_MVE 4
#define MCUCC_SET_BYTES_MVE (MCUCC_BLOCK_MVE * MCUCC_SET_ROWS_MVE)

/* The fields are read by assembly in this order. */
typedef struct {
    const int8_t *rows[MCUCC_SET_ROWS_MVE]; /* r1 - r4: at the first channel of the first column */
    int8_t *planes;                         /* r5: of the first column */
    int32_t step;                           /* r6: of `planes` from column to column */
    int32_t pixel;                          /* r7: bytes from column to column of the rows */
    int32_t columns;                        /* r8: at least one */
    int32_t channels;                       /* r9: 1 to 16, those beyond are not read */
} mcucc_depthwise_fill;

/* Sets of one to four rows; what stands for the rows that are not there is any value. */
void mcucc_depthwise_fill_mve(const mcucc_depthwise_fill *fill, int32_t rows);

#endif
