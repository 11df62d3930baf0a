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
 *
 * With mcucc_lines_late as `wait`, the run is one that stops and goes on: NAME_begin(&state, arena,
 * &camera), and NAME_step(&state, slices) from a loop that does other things too.
 *
 * From an interrupt: mcucc_lines_begin, _finish, _put, _break, _come. From the run: the rest.
 */
#ifndef MCUCC_LINES_H
#define MCUCC_LINES_H

#include <string.h>

#include "mcucc/mcucc.h"

/* What a run returns that has lost a line, and one whose frame the sensor broke off. */
#define MCUCC_LINES_OVERRUN 1
#define MCUCC_LINES_BROKEN 2

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
    int32_t lost; /* MCUCC_LINES_OVERRUN, _BROKEN: no line of this frame any more; by that side */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Each number has one side that writes it. What that side wrote before, the other sees after it has
 * seen the number: a line's bytes before `come`, that they were copied before `read`. With GCC and
 * clang that is a volatile access and a barrier (dmb, fence; of one core without them the compiler's
 * alone): no library, no exclusive access; right between an interrupt and the run, and between two
 * cores. A core of 16 bits reads at once the half of a number that ever changes. With other
 * compilers: volatile, which is enough on one core whose compiler keeps the order. */
#if defined(__GNUC__)
#define MCUCC_LINES_ORDER() __atomic_thread_fence(__ATOMIC_ACQ_REL)
#else
#define MCUCC_LINES_ORDER() ((void)0)
#endif
#if defined(MCUCC_LINES_OWN_ACCESS)
/* Yours, declared before: int32_t mcucc_lines_get(const int32_t *value);
 * void mcucc_lines_set(int32_t *value, int32_t to); */
#elif defined(__AVR__)
#error "mcucc/lines.h: 8 bits read a number in pieces: MCUCC_LINES_OWN_ACCESS, interrupts off"
#else
MCUCC_CODE static inline int32_t mcucc_lines_get(const int32_t *value)
{
    const int32_t found = *(const volatile int32_t *)value;

    MCUCC_LINES_ORDER();
    return found;
}

MCUCC_CODE static inline void mcucc_lines_set(int32_t *value, int32_t to)
{
    MCUCC_LINES_ORDER();
    *(volatile int32_t *)value = to;
}
#endif

/* A frame starts. Neither side may be at work: no run reads, no line is being filled. */
MCUCC_CODE static inline void mcucc_lines_start(mcucc_lines *ring)
{
    mcucc_lines_set(&ring->lost, 0);
    mcucc_lines_set(&ring->read, 0);
    mcucc_lines_set(&ring->come, 0);
}

/* Where the line that comes now goes; NULL where there is no room: the frame is lost from here. */
MCUCC_CODE static inline uint8_t *mcucc_lines_begin(mcucc_lines *ring)
{
    const int32_t come = ring->come;

    if (ring->lost == 0 && come - mcucc_lines_get(&ring->read) < ring->lines) {
        return ring->memory + (ptrdiff_t)(come % ring->lines) * ring->row_bytes;
    }
    mcucc_lines_set(&ring->lost, 1);
    return NULL;
}

/* That line is there, if it had room. */
MCUCC_CODE static inline void mcucc_lines_finish(mcucc_lines *ring)
{
    if (ring->lost == 0) {
        mcucc_lines_set(&ring->come, ring->come + 1);
    }
}

/* A line that lies elsewhere: it is copied, where there is room. */
MCUCC_CODE static inline void mcucc_lines_put(mcucc_lines *ring, const uint8_t *pixels)
{
    uint8_t *const line = mcucc_lines_begin(ring);

    if (line != NULL) {
        memcpy(line, pixels, (size_t)ring->row_bytes);
    }
    mcucc_lines_finish(ring);
}

/* The sensor broke the frame off: the run ends with MCUCC_LINES_BROKEN at the next row that it asks
 * for. A frame whose last row was read is not touched. By the side that fills. */
MCUCC_CODE static inline void mcucc_lines_break(mcucc_lines *ring)
{
    if (ring->lost == 0) {
        mcucc_lines_set(&ring->lost, MCUCC_LINES_BROKEN);
    }
}

/* How many rows have come: what NAME_slice_rows() is compared with. */
MCUCC_CODE static inline int32_t mcucc_lines_come(const mcucc_lines *ring)
{
    return mcucc_lines_get(&ring->come);
}

/* A `wait` that does not: the run stops and goes on when it is called again (NAME_step). */
MCUCC_CODE static inline int32_t mcucc_lines_late(mcucc_lines *ring)
{
    (void)ring;
    return MCUCC_ROW_LATE;
}

/* `read_row` of a camera whose context is the ring: waits for the line, then copies it. A line lost
 * ends the run as soon as a row is asked for, also where that one is still there. */
MCUCC_CODE static inline int32_t mcucc_lines_row(void *context, int32_t input, int32_t row,
                                                 uint8_t *pixels)
{
    mcucc_lines *const ring = (mcucc_lines *)context;

    (void)input;
    for (;;) {
        const int32_t lost = mcucc_lines_get(&ring->lost);

        if (lost != 0) {
            return lost;
        }
        if (mcucc_lines_get(&ring->come) > row) {
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
    /* A DMA that goes round by itself may have come around while it was copied. */
    MCUCC_LINES_ORDER();
    if (mcucc_lines_get(&ring->lost) != 0) {
        return mcucc_lines_get(&ring->lost);
    }
    mcucc_lines_set(&ring->read, row + 1);
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif
