/* Peaks: where each channel of a heat map is largest, as records of points; the first of equals.
 *
 * SINK kernel of a heat map, and of a map of offsets with two values a channel: `_begin` once,
 * `_row` for every row of the maps (or piece of one) in any order, `_finish` once. rows[i] is the
 * pixel of column span->begin of map i. Between the calls `sums` holds two words a channel.
 */
#ifndef MCUCC_PEAKS_H
#define MCUCC_PEAKS_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t width; /* cells of a row */
    int32_t channels;
    int32_t offsets;  /* 1: there is a map of them */
    int32_t offset_x; /* the first channel's there */
    int32_t offset_y;
    const uint16_t *score_table; /* [256] */
    int32_t shift;
    int32_t stride_y; /* from cell to cell, 2^-16 pixel, as the base */
    int32_t stride_x;
    int32_t own_bases;          /* 0 */
    int32_t own_gains;          /* 0 */
    const int32_t *bases;       /* [2] x, y */
    const int32_t *gains;       /* [4] of an offset: x, y, 0, 0 */
    const int32_t *place_table; /* [256] of an offset, or NULL */
    int32_t place_zero;
} mcucc_peaks_params;

void mcucc_peaks_begin(const mcucc_peaks_params *params, int32_t *sums);

void mcucc_peaks_row(const mcucc_peaks_params *params, const int8_t *const *rows, int32_t *sums,
                     const mcucc_span *span);

void mcucc_peaks_finish(const mcucc_peaks_params *params, const int32_t *sums, int8_t *out);

#endif
