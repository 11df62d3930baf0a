/* What a network finds in a picture: boxes and points, in the order of the bytes in its output. */
#ifndef MCUCC_BOXES_H
#define MCUCC_BOXES_H

#include "mcucc/mcucc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Places are sixteenths of a pixel of the network's input; they may lie outside of it. */
#define MCUCC_SUBPIXELS 16
/* The score of what is certain. */
#define MCUCC_FULL_SCORE 65535

typedef struct {
    int16_t left;
    int16_t top;
    int16_t right;
    int16_t bottom;
    uint16_t score; /* 0 to MCUCC_FULL_SCORE */
    uint8_t kind;   /* the class */
    uint8_t zero;
} mcucc_box;

typedef struct {
    int16_t x;
    int16_t y;
    uint16_t score;
} mcucc_point;

/* The boxes of a list of at most `most`, each followed by so many points; returns how many. */
int32_t mcucc_read_boxes(const int8_t *list, int32_t most, int32_t points, mcucc_box *boxes);

/* The points of box `index` of such a list. */
void mcucc_read_box_points(const int8_t *list, int32_t index, int32_t points, mcucc_point *found);

/* A list of points; returns how many of them have at least the score `least`. */
int32_t mcucc_read_points(const int8_t *list, int32_t points, int32_t least, mcucc_point *found);

#ifdef __cplusplus
}
#endif

#endif
