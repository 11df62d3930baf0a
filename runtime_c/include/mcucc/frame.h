/* The run of one frame that stops and goes on: NAME_begin, NAME_step, NAME_push_row and the like of
 * a network's header are calls of this.
 *
 * What is kept between two calls is the next slice of the run (NAME_run_slice), and how many rows
 * the network has taken. A slice that misses a row ends, and is made again when rows have come: the
 * rows that it had taken are in the arena, and it is told so (MCUCC_ROW_KEPT). Rows so go straight
 * to where the network reads them, and need no other memory.
 *
 * Everything here belongs to one thread: none of it may be called from an interrupt while another
 * call is at work. What an interrupt does is hand over lines, by mcucc/lines.h.
 */
#ifndef MCUCC_FRAME_H
#define MCUCC_FRAME_H

#include "mcucc/mcucc.h"

/* How a frame stands. What is at most 0 gives no outputs: only NAME_begin leads out of it. */
#define MCUCC_FRAME_DONE 1     /* the outputs are there */
#define MCUCC_FRAME_ROWS 2     /* it waits for rows */
#define MCUCC_FRAME_STEPS 3    /* it can go on: NAME_step has made the slices it was asked for */
#define MCUCC_FRAME_IDLE 0     /* there is none: it was not begun, or given up */
#define MCUCC_FRAME_ORDER (-1) /* rows came twice, out of order, too many, or were left out */
#define MCUCC_FRAME_ENDED (-2) /* read_row or write_row ended it; frame.ended says with what */
/* What a call that does nothing returns: rows were handed over while earlier ones are not taken
 * yet, or the rows of this frame come from a source. The frame is as it was. */
#define MCUCC_FRAME_BUSY (-3)

/* What these calls take of the stack beside NAME_STACK_BYTES, at most, of a core of 32 bits and at
 * -O1 and higher. */
#define MCUCC_FRAME_STACK_BYTES 96

/* The rows of an input. */
typedef struct {
    int32_t height;
    int32_t row_bytes;
} mcucc_frame_input;

/* A network whose runs stop and go on. `input_count` is 0 where rows are not counted: the image is
 * in the arena, or in other memory. */
typedef struct {
    int32_t (*run_slice)(void *arena, int32_t slice, const mcucc_camera *camera,
                         const mcucc_sink *sink);
    int32_t slices;
    int32_t input_count;
    const mcucc_frame_input *inputs;
} mcucc_frame_network;

/* Rows [first, come) of an input as they were handed over: from `pixels` on, `stride` bytes apart.
 * The network has taken those before `taken`. */
typedef struct {
    const uint8_t *pixels;
    int32_t stride;
    int32_t first;
    int32_t taken;
    int32_t come;
} mcucc_band;

typedef struct {
    const mcucc_frame_network *network;
    mcucc_band *bands; /* one an input */
    void *arena;
    mcucc_camera source; /* read_row NULL: rows are pushed */
    mcucc_sink sink;     /* write_row NULL: all outputs stay in the arena */
    int32_t slice;       /* the next one */
    int32_t input;       /* whose row it waits for */
    int32_t status;
    int32_t ended; /* what read_row ended the frame with */
} mcucc_frame;

#ifdef __cplusplus
extern "C" {
#endif

/* A new frame, whatever became of the one before. Its rows come from `source`, or, where that is
 * NULL, as they are pushed; rows of outputs go to `sink`, where the network hands them out. */
void mcucc_frame_begin(mcucc_frame *frame, const mcucc_frame_network *network, mcucc_band *bands,
                       void *arena, const mcucc_camera *source, const mcucc_sink *sink);

/* Makes at most so many slices, as far as rows are there. Returns how the frame stands. */
int32_t mcucc_frame_step(mcucc_frame *frame, int32_t slices);

/* Rows [first_row, first_row + count) of an input lie at `pixels`, `stride` bytes apart, and stay
 * there until mcucc_frame_step has taken them: until it returns MCUCC_FRAME_ROWS or _DONE. */
int32_t mcucc_frame_offer(mcucc_frame *frame, int32_t input, int32_t first_row, int32_t count,
                          const uint8_t *pixels, int32_t stride);

/* The same, and goes on as far as these rows allow. */
int32_t mcucc_frame_push(mcucc_frame *frame, int32_t input, int32_t first_row, int32_t count,
                         const uint8_t *pixels, int32_t stride);

/* The next row of an input. */
int32_t mcucc_frame_push_row(mcucc_frame *frame, int32_t input, const uint8_t *pixels);

/* Gives the frame up, at any row. The arena is free. */
void mcucc_frame_abort(mcucc_frame *frame);

#ifdef __cplusplus
}
#endif

#endif
