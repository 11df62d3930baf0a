/* A network whose run is pushed in every way there is: row by row, in bands of any size and stride,
 * offered and stepped, from a ring of lines; broken off at every row and begun again; with rows out
 * of order, twice and too many. Each frame gives the bytes of the first or a status that says why
 * not. Firmware sees a network like any other. */
#include "net_model.c"

#include <string.h>

#include "mcucc/lines.h"

enum {
    HEIGHT = NET_IMAGE_HEIGHT,
    ROW_BYTES = NET_IMAGE_WIDTH * NET_IMAGE_CHANNELS,
    APART = ROW_BYTES + 5, /* in memory */
    OUTPUTS_MOST = 4096,
    WRONG = -1,
    CANCELLED = 77
};

static uint8_t picture[HEIGHT * APART];
static uint8_t expected[OUTPUTS_MOST];
static net_state state;
static int8_t *at; /* the arena */

static const uint8_t *row_at(int32_t row)
{
    return picture + row * APART;
}

/* 0 if the outputs are those of the first frame; after it the arena has other bytes. */
static int32_t differs(int keep)
{
    int32_t size = 0;
    int different = 0;

    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        const mcucc_tensor *const output = &outputs[i];
        const size_t bytes = (size_t)(output->height * output->width * output->channels);

        if (keep) {
            memcpy(expected + size, at + output->offset, bytes);
        } else {
            different |= memcmp(expected + size, at + output->offset, bytes);
        }
        size += (int32_t)bytes;
    }
    if (!keep) {
        memset(at, 0x33, NET_ARENA_BYTES);
    }
    return different != 0 || size > OUTPUTS_MOST;
}

/* As many rows as the network takes; how the frame then stands. */
static int32_t push_rows(int32_t rows)
{
    int32_t status = state.frame.status;

    for (int32_t row = 0; row < rows; row++) {
        const int32_t before = status;

        status = net_push_row(&state, row_at(row));
        if (status != MCUCC_FRAME_DONE &&
            (before == MCUCC_FRAME_DONE || status != MCUCC_FRAME_ROWS)) {
            return WRONG;
        }
    }
    return status;
}

static int32_t in_bands(int32_t most, int32_t slices)
{
    int32_t status = MCUCC_FRAME_ROWS;

    net_begin(&state, at, NULL);
    for (int32_t first = 0; first < HEIGHT; first += most) {
        const int32_t count = most < HEIGHT - first ? most : HEIGHT - first;

        if (slices == 0) {
            status = net_push_rows(&state, first, count, row_at(first), APART);
            continue;
        }
        status = net_offer_rows(&state, first, count, row_at(first), APART);
        if (status == MCUCC_FRAME_STEPS && /* not twice, and nothing is lost */
            net_offer_rows(&state, first + count, 0, NULL, 0) != MCUCC_FRAME_BUSY) {
            return WRONG;
        }
        while (status == MCUCC_FRAME_STEPS) {
            const int32_t before = state.frame.slice;

            status = net_step(&state, slices);
            if (state.frame.slice - before > slices) {
                return WRONG;
            }
        }
    }
    return status != MCUCC_FRAME_DONE || state.inputs[0].come != HEIGHT || differs(0);
}

/* Lines by a ring of so many, which an interrupt would fill. */
static int32_t by_ring(int32_t lines)
{
    static uint8_t memory[HEIGHT * ROW_BYTES];
    mcucc_lines ring = {memory, lines, ROW_BYTES, mcucc_lines_late, 0, 0, 0};
    const mcucc_camera source = {mcucc_lines_row, &ring};
    int32_t status = MCUCC_FRAME_STEPS;

    mcucc_lines_start(&ring);
    net_begin(&state, at, &source);
    if (net_push_row(&state, row_at(0)) != MCUCC_FRAME_BUSY) {
        return WRONG;
    }
    for (int32_t row = 0; status != MCUCC_FRAME_DONE && row < HEIGHT; row++) {
        mcucc_lines_put(&ring, row_at(row));
        do {
            status = net_step(&state, 1);
        } while (status == MCUCC_FRAME_STEPS);
    }
    return status != MCUCC_FRAME_DONE || differs(0);
}

/* No room for a line, or a frame that the sensor breaks off: never outputs, always the reason. */
static int32_t lost_by_ring(int32_t row, int32_t reason)
{
    static uint8_t memory[ROW_BYTES];
    mcucc_lines ring = {memory, 1, ROW_BYTES, mcucc_lines_late, 0, 0, 0};
    const mcucc_camera source = {mcucc_lines_row, &ring};

    mcucc_lines_start(&ring);
    net_begin(&state, at, &source);
    for (int32_t come = 0; come < row; come++) {
        mcucc_lines_put(&ring, row_at(come));
        while (net_step(&state, 1) == MCUCC_FRAME_STEPS) {
        }
    }
    if (state.frame.status == MCUCC_FRAME_DONE) {
        return differs(0); /* the last rows are not needed */
    }
    if (reason == MCUCC_LINES_BROKEN) {
        mcucc_lines_break(&ring);
    } else {
        mcucc_lines_put(&ring, row_at(row));
        mcucc_lines_put(&ring, row_at(row));
    }
    return net_step(&state, NET_SLICES) != MCUCC_FRAME_ENDED || state.frame.ended != reason ||
           net_step(&state, 1) != MCUCC_FRAME_ENDED;
}

/* A frame that ends in front of `row`, in each way there is, and a whole one. */
static int32_t broken_at(int32_t row, int way)
{
    const int32_t next = row < HEIGHT - 1 ? row + 1 : 0;
    int32_t status = MCUCC_FRAME_ORDER;

    net_begin(&state, at, NULL);
    if (push_rows(row) == WRONG) {
        return WRONG;
    }
    switch (way) {
    case 0: /* begun again in the middle */
        break;
    case 1:
        net_abort(&state);
        status = MCUCC_FRAME_IDLE;
        break;
    case 2: /* a row left out, or the first again */
        (void)net_push_rows(&state, next, 1, row_at(next), 0);
        break;
    case 3: /* the row before it twice */
        (void)net_push_rows(&state, row - 1, 1, row_at(0), 0);
        break;
    case 4: /* more than there are */
        (void)net_push_rows(&state, row, HEIGHT - row + 1, row_at(row), APART);
        break;
    default:
        (void)net_push_rows(&state, row, -1, row_at(row), APART);
        break;
    }
    if (way > 0 && (net_push_row(&state, row_at(row)) != status || net_step(&state, 1) != status)) {
        return WRONG;
    }
    net_begin(&state, at, NULL);
    return push_rows(HEIGHT) != MCUCC_FRAME_DONE || differs(0);
}

static int32_t cancelling(void *context, int32_t input, int32_t row, uint8_t *pixels)
{
    (void)pixels;
    return input == 0 && row == *(int32_t *)context ? CANCELLED : 0;
}

static int32_t frames(void)
{
    int32_t last = 1, wrong = 0;
    const mcucc_camera source = {cancelling, &last};

    if (net_push_row(&state, picture) != MCUCC_FRAME_IDLE || net_step(&state, 1) != 0) {
        return WRONG; /* not begun */
    }
    net_begin(&state, at, NULL);
    if (push_rows(HEIGHT) != MCUCC_FRAME_DONE || differs(1) != 0) {
        return WRONG;
    }
    wrong |= net_push_row(&state, picture) != MCUCC_FRAME_ORDER; /* one too many */
    for (int32_t most = 1; most <= HEIGHT; most++) {
        wrong |= in_bands(most, 0) | in_bands(most, 1) | in_bands(most, 3) | by_ring(most);
    }
    for (int32_t row = 0; row < HEIGHT; row++) {
        for (int way = 0; way < 6; way++) {
            wrong |= broken_at(row, way);
        }
        wrong |= lost_by_ring(row, MCUCC_LINES_OVERRUN) | lost_by_ring(row, MCUCC_LINES_BROKEN);
    }
    net_begin(&state, at, &source);
    wrong |= net_step(&state, NET_SLICES) != MCUCC_FRAME_ENDED || state.frame.ended != CANCELLED;
    net_begin(&state, at, NULL);
    wrong |= push_rows(HEIGHT) != MCUCC_FRAME_DONE;
    return wrong;
}

static int32_t pushed_run(void *arena, const mcucc_camera *camera)
{
    static const net_state none;

    at = arena;
    state = none;
    for (int32_t row = 0; row < HEIGHT; row++) {
        if (camera->read_row(camera->context, 0, row, picture + row * APART) != 0) {
            return WRONG;
        }
    }
    if (frames() != 0) {
        memset(arena, 0x77, NET_ARENA_BYTES); /* no outputs that anyone expects */
        return WRONG;
    }
    return 0;
}

extern const mcucc_model pushed_model;
const mcucc_model pushed_model = {
    .name = "pushed",
    .arena_bytes = NET_ARENA_BYTES,
    .input_count = 1,
    .output_count = sizeof outputs / sizeof outputs[0],
    .inputs = inputs,
    .outputs = outputs,
    .step_names = step_names,
    .stream = pushed_run,
};
