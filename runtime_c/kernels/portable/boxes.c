#include "mcucc/boxes.h"

#include <string.h>

/* Lists have no padding between their numbers, nor may the compiler put any into the structs. */
typedef char box_has_12_bytes[sizeof(mcucc_box) == 12 ? 1 : -1];
typedef char point_has_6_bytes[sizeof(mcucc_point) == 6 ? 1 : -1];

MCUCC_CODE static size_t bytes_of(int32_t points)
{
    return sizeof(mcucc_box) + (size_t)points * sizeof(mcucc_point);
}

MCUCC_CODE int32_t mcucc_read_boxes(const int8_t *list, int32_t most, int32_t points,
                                    mcucc_box *boxes)
{
    for (int32_t i = 0; i < most; i++) {
        memcpy(&boxes[i], list, sizeof(mcucc_box));
        if (boxes[i].score == 0) {
            return i;
        }
        list += bytes_of(points);
    }
    return most;
}

MCUCC_CODE void mcucc_read_box_points(const int8_t *list, int32_t index, int32_t points,
                                      mcucc_point *found)
{
    const int8_t *const box = list + (size_t)index * bytes_of(points);

    memcpy(found, box + sizeof(mcucc_box), (size_t)points * sizeof(mcucc_point));
}

MCUCC_CODE int32_t mcucc_read_points(const int8_t *list, int32_t points, int32_t least,
                                     mcucc_point *found)
{
    int32_t sure = 0;

    memcpy(found, list, (size_t)points * sizeof(mcucc_point));
    for (int32_t i = 0; i < points; i++) {
        sure += found[i].score >= least;
    }
    return sure;
}
