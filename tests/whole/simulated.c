/* A run whose camera is a ring of lines, filled by a simulated sensor. The clock is the network's
 * work: when it asks for a row, what it has computed until then has passed, as was measured; while
 * it waits, the time to the next line. Lines come at their own times, whatever the run does. */
#include "mcucc/lines.h"
#include "net.h"

enum { ROW_BYTES = NET_IMAGE_WIDTH * NET_IMAGE_CHANNELS, DEADLOCK = 99 };

typedef struct {
    const uint8_t *picture;
    const int64_t *requests;
    int64_t period, now;
    int32_t events; /* begins and ends of lines so far */
    uint8_t *filling;
} sensor;

static mcucc_lines ring;
static sensor camera;

/* Event 0 is the begin of line 0; event n the end of line n - 1 and the begin of line n. */
static void event(void)
{
    if (camera.events > 0) {
        if (camera.filling != NULL) {
            memcpy(camera.filling, camera.picture + (camera.events - 1) * ROW_BYTES, ROW_BYTES);
        }
        mcucc_lines_finish(&ring);
    }
    if (camera.events < NET_IMAGE_HEIGHT) {
        camera.filling = mcucc_lines_begin(&ring);
        if (camera.filling != NULL) { /* what a DMA has not written yet is nobody's row */
            memset(camera.filling, 0x5A, ROW_BYTES);
        }
    }
    camera.events++;
}

static void pass(int64_t until)
{
    while (camera.events <= NET_IMAGE_HEIGHT && camera.events * camera.period <= until) {
        event();
    }
    camera.now = until;
}

static int32_t next_event(mcucc_lines *waiting)
{
    if (waiting != &ring || camera.events > NET_IMAGE_HEIGHT) {
        return DEADLOCK;
    }
    pass(camera.events * camera.period);
    return 0;
}

static int32_t read_row(void *context, int32_t input, int32_t row, uint8_t *pixels)
{
    pass(camera.now + camera.requests[row] - (row > 0 ? camera.requests[row - 1] : 0));
    return mcucc_lines_row(context, input, row, pixels);
}

int32_t simulate(void *arena, const uint8_t *picture, const int64_t *requests, int64_t period,
                 uint8_t *memory, int32_t lines);
int32_t simulate(void *arena, const uint8_t *picture, const int64_t *requests, int64_t period,
                 uint8_t *memory, int32_t lines)
{
    const mcucc_camera rows = {read_row, &ring};
    const sensor begin = {picture, requests, period, 0, 0, NULL};

    ring.memory = memory;
    ring.lines = lines;
    ring.row_bytes = ROW_BYTES;
    ring.wait = next_event;
    camera = begin;
    mcucc_lines_start(&ring);
    return net_run(arena, &rows);
}
