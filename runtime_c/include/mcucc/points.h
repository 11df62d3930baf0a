/* Points: the numbers of a vector as records of points.
 *
 * TENSOR kernel: rows[0] are `points` times `numbers` bytes.
 */
#ifndef MCUCC_POINTS_H
#define MCUCC_POINTS_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t points;
    int32_t numbers;             /* 2: a place; 3: and a score */
    int32_t x_first;             /* 0: y is */
    const uint16_t *score_table; /* [256], or NULL */
    int32_t shift;
    int32_t stride_y;           /* 0 */
    int32_t stride_x;           /* 0 */
    int32_t own_bases;          /* 0 */
    int32_t own_gains;          /* 0 */
    const int32_t *bases;       /* [2] x, y in 2^-16 pixel */
    const int32_t *gains;       /* [4] x, y, 0, 0 */
    const int32_t *place_table; /* [256], or NULL */
    int32_t place_zero;
} mcucc_points_params;

void mcucc_points(const mcucc_points_params *params, const int8_t *const *rows, int8_t *out,
                  const mcucc_span *span);

#endif
