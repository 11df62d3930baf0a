/* DetectHead: the best candidates of a detector's maps as records, sorted, the best first.
 *
 * SINK kernel of one or several maps: `_begin` once, `_row` for every row of the maps (or piece of
 * one) in any order, `_finish` once. rows[i] is the pixel of column span->begin of map i. Between
 * the calls `sums` holds the count of candidates and `most` entries of `entry_bytes`: the number of
 * the candidate, (row * width + column) * anchors + anchor, and its record.
 *
 * The numbers of anchor a of a pixel begin at its byte `first + a * step` in map `input`, whose
 * pixels are `pixel` bytes apart; an input of -1: there are none.
 */
#ifndef MCUCC_DETECT_HEAD_H
#define MCUCC_DETECT_HEAD_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t width;      /* cells of a row */
    int32_t anchors;    /* of a cell */
    int32_t classes;    /* behind the background's score, if there is one */
    int32_t background; /* 1: the first score is that of none */
    int32_t most;
    int32_t entry_bytes;
    int32_t least;      /* score */
    int32_t least_byte; /* of the objectness, else of a class; of a softmax above the background */
    const uint16_t *score_table;      /* [256] */
    const uint16_t *objectness_table; /* [256] */
    const uint32_t *powers;           /* [256] of a softmax: exp of a distance, else NULL */
    int32_t score_input;
    int32_t score_pixel;
    int32_t score_first;
    int32_t score_step;
    int32_t objectness_input;
    int32_t objectness_pixel;
    int32_t objectness_first;
    int32_t objectness_step;
    int32_t peak_input; /* the scores after a max pool: those that are not equal do not count */
    int32_t peak_pixel;
    int32_t peak_first;
    int32_t peak_step;
    int32_t box_input;
    int32_t box_pixel;
    int32_t box_first;
    int32_t box_step;
    int32_t size_input; /* width and height */
    int32_t size_pixel;
    int32_t size_first;
    int32_t size_step;
    int32_t point_input;
    int32_t point_pixel;
    int32_t point_first;
    int32_t point_step;
    int32_t form;               /* mcucc_box_form */
    int32_t bins;               /* of a distance, 0: it is one number */
    const uint32_t *bin_powers; /* [256] exp of a distance to the largest bin */
    int32_t shift;
    int32_t stride_y; /* from cell to cell, 2^-16 pixel, as the bases */
    int32_t stride_x;
    int32_t own_bases; /* 1: every cell has its own, 0: all have those of the first */
    int32_t own_gains;
    const int32_t *bases;       /* [][2] x, y */
    const int32_t *gains;       /* [][4] x, y, half a width, half a height: 2^-shift sixteenths */
    const int32_t *place_table; /* [256], or NULL */
    int32_t place_zero;
    const int32_t *size_table; /* [256], or NULL */
    int32_t size_zero;
    int32_t clip_right; /* sixteenths; 0: corners may lie outside the picture */
    int32_t clip_bottom;
    int32_t points;
    int32_t point_numbers;        /* 2: x, y; 3: and a score */
    const uint16_t *point_scores; /* [256], or NULL */
    int32_t point_shift;
    int32_t point_stride_y;
    int32_t point_stride_x;
    int32_t point_own_bases;
    int32_t point_own_gains;
    const int32_t *point_bases;
    const int32_t *point_gains;
    const int32_t *point_place_table;
    int32_t point_place_zero;
} mcucc_detect_head_params;

typedef enum {
    MCUCC_BOX_CENTER,    /* x, y, width, height */
    MCUCC_BOX_CENTER_YX, /* y, x, height, width */
    MCUCC_BOX_SIDES,     /* distances to left, top, right, bottom */
    MCUCC_BOX_CORNERS,   /* left, top, right, bottom */
    MCUCC_BOX_CELL,      /* none: the anchor is the box */
    MCUCC_BOX_EDGES      /* left, top, right, bottom, each from that edge of the anchor */
} mcucc_box_form;

void mcucc_detect_head_begin(const mcucc_detect_head_params *params, int32_t *sums);

void mcucc_detect_head_row(const mcucc_detect_head_params *params, const int8_t *const *rows,
                           int32_t *sums, const mcucc_span *span);

void mcucc_detect_head_finish(const mcucc_detect_head_params *params, const int32_t *sums,
                              int8_t *out);

#endif
