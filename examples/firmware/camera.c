#include "camera.h"

#include <stdbool.h>
#include <string.h>

#include "FreeRTOS.h"
#include "task.h"

#include "board.h"
#include "person.h"
#include "sensor.h"

/* The ring is the DMA's and the reader's. The core copies out of it: where it has a data cache, the
 * lines are in memory that is not cached, or invalidated before they are read. */
static uint8_t lines[CAMERA_LINES][PERSON_FRAME_ROW_BYTES];

/* Whole lines of this frame. Line `arrived` is being filled, in place of line
 * `arrived - CAMERA_LINES`. */
static volatile int32_t arrived;
static volatile bool cancelled;
static TaskHandle_t reader;
static uint32_t frame_number;

void camera_start(uint32_t frame)
{
    reader = xTaskGetCurrentTaskHandle();
    frame_number = frame;
    arrived = 0;
    cancelled = false;
    (void)ulTaskNotifyTake(pdTRUE, 0); /* what is left of the frame before */
    board_start_lines(SENSOR_SETTINGS->line_us);
}

void camera_stop(void)
{
    board_start_lines(0);
}

void camera_cancel(void)
{
    cancelled = true;
    xTaskNotifyGive(reader);
}

/* The interrupt of a finished line. The copy is the simulated DMA's; with a real one, the handler
 * begins here with ++arrived. */
void line_interrupt(void)
{
    BaseType_t woken = pdFALSE;
    const uint8_t *frame =
        SENSOR_FRAMES + frame_number * PERSON_FRAME_HEIGHT * PERSON_FRAME_ROW_BYTES;

    if (arrived == PERSON_FRAME_HEIGHT ||
        (frame_number == 0 && (uint32_t)arrived >= SENSOR_SETTINGS->silent_from)) {
        return;
    }
    memcpy(lines[arrived % CAMERA_LINES], frame + arrived * PERSON_FRAME_ROW_BYTES,
           PERSON_FRAME_ROW_BYTES);
    ++arrived;
    vTaskNotifyGiveFromISR(reader, &woken);
    portYIELD_FROM_ISR(woken);
}

int32_t camera_read_row(void *context, int32_t input, int32_t row, uint8_t *pixels)
{
    (void)context;
    (void)input;
    while (frame_number == 0 && board_starts() == 1 && (uint32_t)row >= SENSOR_SETTINGS->hang_at) {
        /* a driver that waits for a flag nobody sets: what the watchdog is for */
    }
    board_feed_watchdog();
    while (arrived <= row && !cancelled) {
        if (ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS(CAMERA_PATIENCE_MS)) == 0) {
            return CAMERA_SILENT;
        }
    }
    if (cancelled) {
        return CAMERA_CANCELLED;
    }
    memcpy(pixels, lines[row % CAMERA_LINES], PERSON_FRAME_ROW_BYTES);
    /* Asked after the copy: the DMA may have come round to this line in the meantime. */
    return arrived - row >= CAMERA_LINES ? CAMERA_OVERRUN : CAMERA_OK;
}
