#include "mcucc/points.h"

#include <string.h>

#include "mcucc/detection.h"

MCUCC_CODE static int16_t place_of(const mcucc_points_params *p, int32_t axis, int8_t x)
{
    const int64_t base = mcucc_place_base(p->bases[axis], p->shift);
    const int32_t number = mcucc_byte_function(p->place_table, p->place_zero, x);
    return mcucc_place(base + (int64_t)p->gains[axis] * number, p->shift);
}

MCUCC_CODE void mcucc_points(const mcucc_points_params *params, const int8_t *const *rows,
                             int8_t *out, const mcucc_span *span)
{
    const mcucc_points_params *p = params;
    const int8_t *q = rows[0];
    (void)span;
    for (int32_t i = 0; i < p->points; ++i) {
        const mcucc_point point = {
            place_of(p, 0, p->x_first ? q[0] : q[1]),
            place_of(p, 1, p->x_first ? q[1] : q[0]),
            p->score_table == NULL ? UINT16_MAX : (uint16_t)mcucc_byte_score(p->score_table, q[2]),
        };
        memcpy(out, &point, sizeof point);
        out += sizeof point;
        q += p->numbers;
    }
}
