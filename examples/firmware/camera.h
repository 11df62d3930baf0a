/* The camera driver: lines by DMA at the sensor's pace into a ring, handed to the network. */
#ifndef CAMERA_H
#define CAMERA_H

#include <stdint.h>

#include "mcucc/lines.h"
#include "person.h"

/* Lines that the ring holds, the one that is being filled among them: as many as mcucc compile
 * --line-period found for a core that does nothing else, and what comes while other tasks run. */
#ifndef CAMERA_LINES
#if defined(PERSON_LINE_BUFFERS)
#define CAMERA_LINES (PERSON_LINE_BUFFERS + 2)
#else
#define CAMERA_LINES 32
#endif
#endif

/* Why a picture came to nothing: what camera_read_row, and so the network's run, returns. */
typedef enum {
    CAMERA_OK = 0,
    CAMERA_OVERRUN = MCUCC_LINES_OVERRUN, /* lines came faster than the network took them */
    CAMERA_SILENT = 2,                    /* no line came for CAMERA_PATIENCE_MS */
    CAMERA_CANCELLED = 3,                 /* camera_cancel was called */
} camera_status;

#define CAMERA_PATIENCE_MS 100

/* The calling task will read this frame, from its first line on. */
void camera_start(uint32_t frame);
void camera_stop(void);

/* Ends the run at its next row, also one that waits for a line; from any task. */
void camera_cancel(void);

/* mcucc_camera.read_row */
int32_t camera_read_row(void *context, int32_t input, int32_t row, uint8_t *pixels);

#endif
