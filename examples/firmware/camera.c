#include "camera.h"

#include <stdbool.h>
#include <string.h>

#include "FreeRTOS.h"
#include "task.h"

#include "board.h"
#include "person.h"
#include "sensor.h"

static int32_t wait_for_line(mcucc_lines *ring);

/* The memory is the DMA's and the reader's. The core copies out of it: where it has a data cache,
 * it is memory that is not cached, or lines are invalidated before they are read. */
static uint8_t memory[CAMERA_LINES * PERSON_FRAME_ROW_BYTES];
static mcucc_lines ring = {memory, CAMERA_LINES, PERSON_FRAME_ROW_BYTES, wait_for_line, 0, 0, 0};

static uint8_t *filling;   /* where the DMA is; NULL: it found no room */
static uint32_t frame_now; /* its number */
static int32_t sent;       /* lines of it that the sensor has sent */
static volatile bool cancelled;
static TaskHandle_t reader;

void camera_start(uint32_t frame)
{
    reader = xTaskGetCurrentTaskHandle();
    frame_now = frame;
    sent = 0;
    cancelled = false;
    (void)ulTaskNotifyTake(pdTRUE, 0); /* what is left of the frame before */
    mcucc_lines_start(&ring);
    filling = mcucc_lines_begin(&ring);
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

/* What the sensor and its DMA have done when a line is finished; false: nothing. */
static bool sensor_sent_line(void)
{
    const uint8_t *frame = SENSOR_FRAMES + frame_now * PERSON_FRAME_HEIGHT * PERSON_FRAME_ROW_BYTES;

    if (sent == PERSON_FRAME_HEIGHT ||
        (frame_now == 0 && (uint32_t)sent >= SENSOR_SETTINGS->silent_from)) {
        return false;
    }
    if (filling != NULL) {
        memcpy(filling, frame + sent * PERSON_FRAME_ROW_BYTES, PERSON_FRAME_ROW_BYTES);
    }
    ++sent;
    return true;
}

/* The interrupt of a finished line. */
void line_interrupt(void)
{
    BaseType_t woken = pdFALSE;

    if (!sensor_sent_line()) {
        return;
    }
    mcucc_lines_finish(&ring);
    if (sent < PERSON_FRAME_HEIGHT) { /* behind the last line none comes that would need room */
        filling = mcucc_lines_begin(&ring);
    }
    vTaskNotifyGiveFromISR(reader, &woken);
    portYIELD_FROM_ISR(woken);
}

/* The task sleeps until the next line, or until it is cancelled. */
static int32_t wait_for_line(mcucc_lines *lines)
{
    (void)lines;
    if (ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS(CAMERA_PATIENCE_MS)) == 0) {
        return CAMERA_SILENT;
    }
    return cancelled ? CAMERA_CANCELLED : CAMERA_OK;
}

int32_t camera_read_row(void *context, int32_t input, int32_t row, uint8_t *pixels)
{
    (void)context;
    while (frame_now == 0 && board_starts() == 1 && (uint32_t)row >= SENSOR_SETTINGS->hang_at) {
        /* a driver that waits for a flag nobody sets: what the watchdog is for */
    }
    return cancelled ? CAMERA_CANCELLED : mcucc_lines_row(&ring, input, row, pixels);
}
