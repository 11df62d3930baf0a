/* A network whose steps are its slices, and whose run is pushed: a slice is made when the rows that
 * it reads have come, which it then reads, no others. Firmware sees a network like any other. */
#include "net_model.c"

#include <string.h>

#define PICTURE_BYTES (NET_IMAGE_HEIGHT * NET_IMAGE_WIDTH * NET_IMAGE_CHANNELS)

enum { EARLY = 1, MANY = 2 };

typedef struct {
    const uint8_t *picture;
    int32_t row_bytes;
    int32_t come; /* rows that are there */
    int32_t read; /* rows that the network has read */
} pushed;

static int32_t row_of_those(void *context, int32_t input, int32_t row, uint8_t *pixels)
{
    pushed *from = context;

    if (input != 0 || row >= from->come || row != from->read) {
        return EARLY;
    }
    from->read++;
    memcpy(pixels, from->picture + row * from->row_bytes, (size_t)from->row_bytes);
    return 0;
}

static int32_t pushing(void *arena, const uint8_t *picture)
{
    pushed from = {picture, PICTURE_BYTES / NET_IMAGE_HEIGHT, 0, 0};
    const mcucc_camera camera = {row_of_those, &from};

    for (int32_t slice = 0; slice < NET_SLICES; slice++) {
        const int32_t before = from.read;

        from.come = net_slice_rows(slice, 0);
        const int32_t ended = net_run_slice(arena, slice, &camera);
        if (ended != 0) {
            return ended;
        }
        if (from.read != from.come || from.read - before > NET_SLICE_ROWS) {
            return MANY;
        }
    }
    /* Numbers that are none do nothing. */
    return net_run_slice(arena, NET_SLICES, &camera) + net_run_slice(arena, -1, &camera);
}

static int32_t sliced_run(void *arena, const mcucc_camera *camera)
{
    static uint8_t picture[PICTURE_BYTES];
    const int32_t row_bytes = PICTURE_BYTES / NET_IMAGE_HEIGHT;

    for (int32_t row = 0; row < NET_IMAGE_HEIGHT; row++) {
        const int32_t ended = camera->read_row(camera->context, 0, row, picture + row * row_bytes);
        if (ended != 0) {
            return ended;
        }
    }
    const int32_t ended = pushing(arena, picture);
    if (ended != 0) {
        memset(arena, 0x77, NET_ARENA_BYTES); /* no outputs that anyone expects */
    }
    return ended;
}

extern const mcucc_model sliced_model;
const mcucc_model sliced_model = {
    .name = "sliced",
    .arena_bytes = NET_ARENA_BYTES,
    .input_count = 1,
    .output_count = sizeof outputs / sizeof outputs[0],
    .step_count = NET_SLICES,
    .inputs = inputs,
    .outputs = outputs,
    .stream = sliced_run,
    .stream_step = net_run_slice,
};
