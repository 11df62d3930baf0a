/* A camera that does not wait: SysTick's interrupt hands a line over whenever one is due, while the
 * main loop makes the run's slices, one after the other. At every pace and with every number of
 * line buffers a frame ends with the right bytes or with MCUCC_LINES_OVERRUN; slow lines always
 * with the bytes, lines far too fast for the buffers always with the overrun. Firmware sees a
 * network like any other. */
#include "net_model.c"

#include <string.h>

#include "mcucc/lines.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define VTOR REGISTER(0xE000ED08u)
#define ENABLED 5u /* by the core's clock */
#define INTERRUPTS 2u

enum { HEIGHT = NET_IMAGE_HEIGHT, ROW_BYTES = NET_IMAGE_WIDTH * NET_IMAGE_CHANNELS, WRONG = -1 };

static uint8_t picture[HEIGHT * ROW_BYTES], memory[HEIGHT * ROW_BYTES];
static uint8_t expected[NET_ARENA_BYTES];
static mcucc_lines ring;
static net_state state;
static volatile int32_t sent;
static __attribute__((aligned(128))) uint32_t vectors[16];

static void line_interrupt(void)
{
    if (sent < HEIGHT) {
        mcucc_lines_put(&ring, picture + sent * ROW_BYTES);
        sent = sent + 1;
    }
}

static void start_timer(uint32_t period, uint32_t interrupts)
{
    SYST_CSR = 0;
    SYST_RVR = period - 1;
    SYST_CVR = 0;
    SYST_CSR = period == 0 ? 0 : ENABLED | interrupts;
}

/* How the frame ends whose lines are `period` ticks apart, the first one from now. */
static int32_t frame_of(void *arena, uint32_t period, int32_t lines)
{
    const mcucc_lines start = {memory, lines, ROW_BYTES, mcucc_lines_late, 0, 0, 0};
    const mcucc_camera source = {mcucc_lines_row, &ring};
    int32_t status;

    ring = start;
    sent = 0;
    net_begin(&state, arena, &source);
    start_timer(period, INTERRUPTS);
    do {
        status = net_step(&state, 1);
    } while (status > MCUCC_FRAME_DONE);
    start_timer(0, 0);
    return status;
}

static int32_t different(const void *arena)
{
    int32_t found = 0;

    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        const int32_t at = outputs[i].offset;
        const size_t bytes = (size_t)(outputs[i].height * outputs[i].width * outputs[i].channels);

        found |= memcmp((const uint8_t *)arena + at, expected + at, bytes);
    }
    return found;
}

/* Ticks of a frame whose rows are all there. */
static uint32_t ticks_of_frame(void *arena)
{
    uint32_t ticks;

    net_begin(&state, arena, NULL);
    start_timer(0x1000000u, 0);
    if (net_push_rows(&state, 0, HEIGHT, picture, ROW_BYTES) != MCUCC_FRAME_DONE) {
        return 0;
    }
    ticks = 0xFFFFFFu - SYST_CVR;
    start_timer(0, 0);
    memcpy(expected, arena, NET_ARENA_BYTES);
    return ticks;
}

/* Eighths of the time that a line's work takes on average. */
static int32_t at_every_pace(void *arena, uint32_t ticks)
{
    static const uint32_t paces[] = {1, 2, 4, 6, 8, 12, 16, 64};
    int32_t done = 0, overrun = 0;

    for (size_t i = 0; i < sizeof paces / sizeof paces[0]; i++) {
        for (int32_t lines = 1; lines <= HEIGHT; lines++) {
            const int32_t status = frame_of(arena, ticks / HEIGHT * paces[i] / 8, lines);

            if (status == MCUCC_FRAME_DONE
                    ? different(arena) != 0
                    : status != MCUCC_FRAME_ENDED || state.frame.ended != MCUCC_LINES_OVERRUN) {
                return WRONG;
            }
            done += status == MCUCC_FRAME_DONE;
            overrun += status != MCUCC_FRAME_DONE;
            if ((lines == HEIGHT || paces[i] == 64) && status != MCUCC_FRAME_DONE) {
                return WRONG;
            }
            if (lines <= 2 && paces[i] <= 2 && status == MCUCC_FRAME_DONE) {
                return WRONG;
            }
        }
    }
    return done > 20 && overrun > 10 ? frame_of(arena, ticks, 2) - MCUCC_FRAME_DONE : WRONG;
}

static int32_t interrupted_run(void *arena, const mcucc_camera *camera)
{
    const uint32_t before = VTOR;
    int32_t ended = 0;
    uint32_t ticks;

    for (int32_t row = 0; ended == 0 && row < HEIGHT; row++) {
        ended = camera->read_row(camera->context, 0, row, picture + row * ROW_BYTES);
    }
    memcpy(vectors, (const void *)before, sizeof vectors);
    vectors[15] = (uint32_t)line_interrupt;
    VTOR = (uint32_t)vectors;
    ticks = ticks_of_frame(arena);
    if (ticks == 0 || at_every_pace(arena, ticks) != 0) {
        memset(arena, 0x77, NET_ARENA_BYTES); /* no outputs that anyone expects */
    }
    VTOR = before;
    return ended;
}

static int32_t the_step(void *arena, int32_t step, const mcucc_camera *camera)
{
    (void)step;
    return interrupted_run(arena, camera);
}

extern const mcucc_model interrupted_model;
const mcucc_model interrupted_model = {
    .name = "interrupted",
    .arena_bytes = NET_ARENA_BYTES,
    .input_count = 1,
    .output_count = sizeof outputs / sizeof outputs[0],
    .step_count = 1,
    .inputs = inputs,
    .outputs = outputs,
    .stream = interrupted_run,
    .stream_step = the_step,
};
