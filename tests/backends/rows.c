/* A network by hand whose image comes in rows: 3 of 4 rows of WIDTH pixels are read, each output is
 * the sum of a row. */
#include <mcucc/mcucc.h>

#ifndef WIDTH
#define WIDTH 8
#endif

enum { HEIGHT = 4, READ = 3, OUTPUT = (WIDTH + 7) / 8 * 8, STEPS = 2 };

static int32_t stream_step(void *arena, int32_t step, const mcucc_camera *camera)
{
    uint8_t *bytes = arena;
    const int32_t begin = step == 0 ? 0 : 1;
    const int32_t end = step == 0 ? 1 : READ;
    for (int32_t row = begin; row < end; ++row) {
        const int32_t ended = camera->read_row(camera->context, 0, row, bytes);
        if (ended != 0) {
            return ended;
        }
        uint32_t sum = 0;
        for (int32_t column = 0; column < WIDTH; ++column) {
            sum += bytes[column];
        }
        bytes[OUTPUT + row] = (uint8_t)sum;
    }
    return 0;
}

static int32_t stream(void *arena, const mcucc_camera *camera)
{
    int32_t ended = 0;
    for (int32_t step = 0; step < STEPS && ended == 0; ++step) {
        ended = stream_step(arena, step, camera);
    }
    return ended;
}

static const mcucc_tensor inputs[] = {{"image", HEIGHT, WIDTH, 1, 1.0f, -128, -1, 1}};
static const mcucc_tensor outputs[] = {{"sums", 1, 1, READ, 0.5f, 0, OUTPUT, 1}};
static const char *const step_names[STEPS] = {"first", "others"};

extern const mcucc_model rows_model;
const mcucc_model rows_model = {
    .name = "rows",
    .id = 0x1234abcd,
    .arena_bytes = OUTPUT + 8,
    .input_count = 1,
    .output_count = 1,
    .step_count = STEPS,
    .inputs = inputs,
    .outputs = outputs,
    .step_names = step_names,
    .stream = stream,
    .stream_step = stream_step,
};
