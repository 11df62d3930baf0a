/* A network whose camera fails. Of every picture it is run once for each row that it asks for, and
 * ended there, as a whole and by steps; then to its end in the arena as it was left. The firmware
 * that runs it sees a network like any other. */
#include "net_model.c" /* that network as data */

#include <string.h>

enum { WRONG = -1, FIRST_CODE = 1000 };

static uint8_t picture[NET_IMAGE_HEIGHT * NET_IMAGE_WIDTH * NET_IMAGE_CHANNELS];

typedef struct {
    int32_t row_bytes;
    int32_t asked; /* rows so far */
    int32_t last;  /* the row that ends the run; -1: none does */
} failing;

static int32_t read_row(void *context, int32_t input, int32_t row, uint8_t *pixels)
{
    failing *from = context;

    if (input != 0 || row != from->asked || (from->last >= 0 && row > from->last)) {
        from->asked = WRONG - 1; /* out of order, or once more after the end */
        return WRONG;
    }
    from->asked++;
    if (row == from->last) {
        memset(pixels, 0x99, (size_t)from->row_bytes); /* as far as it came */
        return FIRST_CODE + row;
    }
    memcpy(pixels, picture + row * from->row_bytes, (size_t)from->row_bytes);
    return 0;
}

static int32_t by_steps(void *arena, const mcucc_camera *camera)
{
    int32_t ended = 0;

    for (int32_t step = 0; ended == 0 && step < net_model.step_count; step++) {
        ended = net_model.stream_step(arena, step, camera);
    }
    return ended;
}

static int32_t run(void *arena, const mcucc_camera *camera)
{
    failing from = {inputs[0].width * inputs[0].channels * inputs[0].value_bytes, 0, -1};
    const mcucc_camera inner = {read_row, &from};
    int32_t rows = inputs[0].height;

    for (int32_t row = 0; row < rows; row++) {
        if (camera->read_row(camera->context, 0, row, picture + row * from.row_bytes) != 0) {
            return WRONG;
        }
    }
    if (net_model.stream(arena, &inner) != 0) {
        return WRONG;
    }
    rows = from.asked; /* the last ones may not be needed */
    for (from.last = 0; from.last < rows; from.last++) {
        from.asked = 0;
        if (net_model.stream(arena, &inner) != FIRST_CODE + from.last ||
            from.asked != from.last + 1) {
            return WRONG;
        }
        from.asked = 0;
        if (by_steps(arena, &inner) != FIRST_CODE + from.last || from.asked != from.last + 1) {
            return WRONG;
        }
    }
    from.last = -1;
    from.asked = 0;
    return net_model.stream(arena, &inner);
}

static int32_t ended_run(void *arena, const mcucc_camera *camera)
{
    const int32_t ended = run(arena, camera);

    if (ended != 0) {
        memset(arena, 0x77, (size_t)net_model.arena_bytes); /* no outputs that anyone expects */
    }
    return ended;
}

extern const mcucc_model ended_model;
const mcucc_model ended_model = {
    .name = "ended",
    .arena_bytes = NET_ARENA_BYTES,
    .input_count = 1,
    .output_count = sizeof outputs / sizeof outputs[0],
    .inputs = inputs,
    .outputs = outputs,
    .step_names = step_names,
    .stream = ended_run,
};
