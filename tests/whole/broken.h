/* Frames of a network that break off, each followed by a whole one. */
#ifndef BROKEN_H
#define BROKEN_H

#include "batch.h"

#include <stdio.h>

/* Where the rows of frames come from and go to. `start` puts a frame's image where it belongs and
 * forgets what came out; `right`: whether what came out, or is in the arena, is what it should be.
 * `reads`, `writes`: whether there are such rows. */
typedef struct {
    const mcucc_camera *camera;
    const mcucc_sink *sink;
    void *context;
    void (*start)(void *context, uint8_t *arena);
    int (*right)(void *context, uint8_t *arena);
    int reads;
    int writes;
} broken_ends;

void broken_frames(const batch_network *network, uint8_t *arena, const broken_ends *ends);

/* Two frames, whose slices take turns. */
void broken_turns(const batch_network *const networks[2], uint8_t *const arenas[2],
                  const broken_ends *const ends[2]);

/* A network of no slices is done as it begins. */
void broken_nothing(void);

#endif
