/* BayerBin: a sensor's mosaic at half its size, the four sites of a square as one pixel of red,
 * green (the mean of both, halves up) and blue.
 *
 * ROW kernel. rows[0] and rows[1] are two rows of sites, at the site of column span->input_column,
 * `out` is the pixel of column span->begin.
 */
#ifndef MCUCC_BAYER_BIN_H
#define MCUCC_BAYER_BIN_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t red; /* its site in a square: 2 * row + column */
    int32_t blue;
} mcucc_bayer_bin_params;

void mcucc_bayer_bin(const mcucc_bayer_bin_params *params, const int8_t *const *rows, int8_t *out,
                     const mcucc_span *span);

#endif
