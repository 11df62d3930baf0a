/* The simulated sensor: what it sees and how it behaves lies in memory where QEMU loaded it. */
#ifndef SENSOR_H
#define SENSOR_H

#include <stdint.h>

#include "board.h"

typedef struct {
    uint32_t frames;      /* pictures to take, then the program is done */
    uint32_t line_us;     /* microseconds from line to line */
    uint32_t load_us;     /* between interrupts that only take time and registers, 0: none */
    uint32_t cancel_us;   /* so long after the first frame's start it is not wanted any more */
    uint32_t silent_from; /* the line of the first frame from which on none comes */
    uint32_t hang_at;     /* the line of the first frame at which the driver hangs */
    uint32_t watchdog_ms; /* its period */
    uint32_t reserved;
} sensor_settings;

/* Of cancel_us, silent_from, hang_at: it does not happen. */
#define SENSOR_NEVER 0xFFFFFFFFu

#define SENSOR_SETTINGS ((const sensor_settings *)BOARD_SENSOR_BASE)
/* Frames follow the settings, row after row. */
#define SENSOR_FRAMES ((const uint8_t *)(BOARD_SENSOR_BASE + sizeof(sensor_settings)))

#endif
