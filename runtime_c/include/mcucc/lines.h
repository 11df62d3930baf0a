/* A ring of lines between a sensor and a run that reads the camera row by row.
 *
 * One side fills: the interrupt of a finished line, a DMA callback, another core. One side reads:
 * the run. Neither locks. No line is lost in silence: where one comes and finds no room, the ring
 * takes no more of this frame, and the run ends with MCUCC_LINES_OVERRUN.
 *
 *     static uint8_t memory[NAME_LINE_BUFFERS * NAME_IMAGE_WIDTH * NAME_IMAGE_CHANNELS];
 *     static mcucc_lines ring = {memory, NAME_LINE_BUFFERS, width * channels, NULL, 0, 0, 0};
 *
 *     frame starts:   mcucc_lines_start(&ring); DMA goes to mcucc_lines_begin(&ring)
 *     line finished:  mcucc_lines_finish(&ring); DMA goes to mcucc_lines_begin(&ring), where it is
 *                     not NULL (a DMA that cannot be told goes round in `memory` by itself).
 *                     Behind the frame's last line begin none: without room it would be an overrun
 *     run:            mcucc_camera camera = {mcucc_lines_row, &ring}; NAME_run(arena, &camera)
 */
#ifndef MCUCC_LINES_H
#define MCUCC_LINES_H

#include <string.h>

#include "mcucc/mcucc.h"

/* What a run returns that has lost a line. */
#define MCUCC_LINES_OVERRUN 1

typedef struct mcucc_lines mcucc_lines;

struct mcucc_lines {
    uint8_t *memory;   /* lines * row_bytes */
    int32_t lines;     /* at least 2: the one that is being filled counts */
    int32_t row_bytes; /* of a line */
    /* Called again and again while no line is there (sleep until an interrupt, take a semaphore):
     * what it returns and is not 0 ends the run, a deadline for instance. NULL: just wait. */
    int32_t (*wait)(mcucc_lines *ring);
    /* Lines that have come, written by the side that fills; lines that were read, by the other. */
    int32_t come;
    int32_t read;
    int32_t lost; /* 1: a line came that had no room; by the side that fills */
};

/* What the one side writes before, the other sees after: in memory, too, where there are two cores.
 * Other compilers: a volatile access, which is enough on one core whose compiler keeps the order. */
#if defined(__GNUC__) || defined(__clang__)
#define MCUCC_LINES_GET(value) __atomic_load_n(&(value), __ATOMIC_ACQUIRE)
#define MCUCC_LINES_SET(value, to) __atomic_store_n(&(value), (to), __ATOMIC_RELEASE)
#else
#define MCUCC_LINES_GET(value) (*(volatile int32_t *)&(value))
#define MCUCC_LINES_SET(value, to) (*(volatile int32_t *)&(value) = (to))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A frame starts. Neither side may be at work: no run reads, no line is being filled. */
MCUCC_CODE static inline void mcucc_lines_start(mcucc_lines *ring)
{
    MCUCC_LINES_SET(ring->lost, 0);
    MCUCC_LINES_SET(ring->read, 0);
    MCUCC_LINES_SET(ring->come, 0);
}

/* Where the line that comes now goes; NULL where there is no room: the frame is lost from here. */
MCUCC_CODE static inline uint8_t *mcucc_lines_begin(mcucc_lines *ring)
{
    const int32_t come = ring->come;

    if (ring->lost == 0 && come - MCUCC_LINES_GET(ring->read) < ring->lines) {
        return ring->memory + (ptrdiff_t)(come % ring->lines) * ring->row_bytes;
    }
    MCUCC_LINES_SET(ring->lost, 1);
    return NULL;
}

/* That line is there, if it had room. */
MCUCC_CODE static inline void mcucc_lines_finish(mcucc_lines *ring)
{
    if (ring->lost == 0) {
        MCUCC_LINES_SET(ring->come, ring->come + 1);
    }
}

/* How many rows have come: what NAME_slice_rows() is compared with. */
MCUCC_CODE static inline int32_t mcucc_lines_come(const mcucc_lines *ring)
{
    return MCUCC_LINES_GET(ring->come);
}

/* `read_row` of a camera whose context is the ring: waits for the line, then copies it. A line lost
 * ends the run as soon as a row is asked for, also where that one is still there. */
MCUCC_CODE static inline int32_t mcucc_lines_row(void *context, int32_t input, int32_t row,
                                                 uint8_t *pixels)
{
    mcucc_lines *const ring = (mcucc_lines *)context;

    (void)input;
    for (;;) {
        if (MCUCC_LINES_GET(ring->lost) != 0) {
            return MCUCC_LINES_OVERRUN;
        }
        if (MCUCC_LINES_GET(ring->come) > row) {
            break;
        }
        if (ring->wait != NULL) {
            const int32_t ended = ring->wait(ring);

            if (ended != 0) {
                return ended;
            }
        }
    }
    memcpy(pixels, ring->memory + (ptrdiff_t)(row % ring->lines) * ring->row_bytes,
           (size_t)ring->row_bytes);
    MCUCC_LINES_SET(ring->read, row + 1);
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif
