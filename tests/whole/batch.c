/* Many networks in one program, each on images of a file, in an arena of exactly its size: as a
 * whole, in slices, by rows that are late, and pushed, which must all give the same; the last image
 * also behind frames that broke off.
 * Usage: PROGRAM INPUT OUTPUT IMAGES. IMAGES images for every network in turn. */
#include "broken.h"

#include <stdlib.h>
#include <string.h>

#define MOST_OUTPUTS 64

typedef struct {
    const mcucc_model *model;
    FILE *input;
    long begin; /* of the images, one input after the other */
} source;

static size_t row_bytes(const mcucc_tensor *tensor)
{
    return (size_t)tensor->width * (size_t)tensor->channels * (size_t)tensor->value_bytes;
}

static size_t bytes_of(const mcucc_tensor *tensor)
{
    return (size_t)tensor->height * row_bytes(tensor);
}

static void get(FILE *input, void *to, size_t bytes)
{
    if (fread(to, 1, bytes, input) != bytes) {
        exit(5);
    }
}

static void seek(FILE *input, long at)
{
    if (fseek(input, at, SEEK_SET) != 0) {
        exit(5);
    }
}

/* In any order, again and again: networks that read a mapped image by strips do so. */
static int32_t read_row(void *context, int32_t index, int32_t row, uint8_t *pixels)
{
    const source *from = context;
    const mcucc_tensor *tensor = &from->model->inputs[index];
    const size_t bytes = row_bytes(tensor);
    size_t at = (size_t)row * bytes;

    for (int32_t i = 0; i < index; i++) {
        at += bytes_of(&from->model->inputs[i]);
    }
    seek(from->input, from->begin + (long)at);
    get(from->input, pixels, bytes);
    return 0;
}

static uint8_t *painted(int32_t bytes, int paint)
{
    uint8_t *arena = malloc((size_t)bytes);

    if (arena == NULL) {
        exit(3);
    }
    memset(arena, paint, (size_t)bytes);
    return arena;
}

static void read_image(const mcucc_model *model, uint8_t *arena, FILE *input)
{
    for (int32_t i = 0; model->inputs[0].offset >= 0 && i < model->input_count; i++) {
        get(input, arena + model->inputs[i].offset, bytes_of(&model->inputs[i]));
    }
}

/* Outputs one after the other; `next` is the row of each that has to come now. */
typedef struct {
    const mcucc_model *model;
    uint8_t *bytes;
    int32_t next[MOST_OUTPUTS];
} target;

static size_t before(const mcucc_model *model, int32_t output)
{
    size_t bytes = 0;

    for (int32_t i = 0; i < output; i++) {
        bytes += bytes_of(&model->outputs[i]);
    }
    return bytes;
}

static int32_t write_row(void *context, int32_t index, int32_t row, const void *values)
{
    target *to = context;
    const size_t bytes = row_bytes(&to->model->outputs[index]);

    if (row != to->next[index]++ || to->model->outputs[index].offset >= 0) {
        return 9;
    }
    memcpy(to->bytes + before(to->model, index) + (size_t)row * bytes, values, bytes);
    return 0;
}

/* Every output: as its rows came, all of them, or from the arena. */
static void collect(target *to, const uint8_t *arena)
{
    for (int32_t i = 0; i < to->model->output_count; i++) {
        const mcucc_tensor *output = &to->model->outputs[i];

        if (output->offset >= 0) {
            memcpy(to->bytes + before(to->model, i), arena + output->offset, bytes_of(output));
        } else if (to->next[i] != output->height) {
            exit(10);
        }
    }
}

static void same_as(const target *to, target *other, const uint8_t *arena, int code)
{
    collect(other, arena);
    if (memcmp(to->bytes, other->bytes, before(to->model, to->model->output_count)) != 0) {
        exit(code);
    }
}

/* Every third row is there when it is asked for; the others when they are asked for again. */
static int32_t late_row(void *context, int32_t index, int32_t row, uint8_t *pixels)
{
    static int32_t asked;

    return ++asked % 3 != 0 ? MCUCC_ROW_LATE : read_row(context, index, row, pixels);
}

/* A run whose rows are late again and again. */
static void run_late(const batch_network *network, uint8_t *arena, source *from, target *to)
{
    const mcucc_camera late = {network->rows ? late_row : read_row, from};
    const mcucc_sink sink = {write_row, to};
    mcucc_frame *frame = network->begin(arena, &late, &sink);

    while (mcucc_frame_step(frame, 2) > MCUCC_FRAME_DONE) {
    }
    if (frame->status != MCUCC_FRAME_DONE) {
        exit(9);
    }
}

/* Bands of one to four rows, always of the input that is waited for. */
static void run_pushed(const batch_network *network, uint8_t *arena, source *from, target *to)
{
    const mcucc_sink sink = {write_row, to};
    mcucc_frame *frame = network->begin(arena, NULL, &sink);
    int32_t many = 0;

    while (mcucc_frame_step(frame, 1) > MCUCC_FRAME_DONE) {
        const int32_t index = frame->input, first = frame->bands[index].come;
        const mcucc_tensor *tensor = &from->model->inputs[index];
        const int32_t stride = (int32_t)row_bytes(tensor) + 3;
        int32_t count = many % 4 + 1;
        uint8_t *band;

        if (frame->status != MCUCC_FRAME_ROWS) {
            continue;
        }
        many++;
        count = count < tensor->height - first ? count : tensor->height - first;
        band = painted(count * stride - 3, 0x55);
        for (int32_t row = 0; row < count; row++) {
            (void)read_row(from, index, first + row, band + row * stride);
        }
        free(network->bands[index]);
        network->bands[index] = band;
        if (mcucc_frame_offer(frame, index, first, count, band, stride) != MCUCC_FRAME_STEPS) {
            exit(10);
        }
    }
    if (frame->status != MCUCC_FRAME_DONE) {
        exit(11);
    }
    for (int32_t i = 0; i < network->model->input_count; i++) {
        free(network->bands[i]);
        network->bands[i] = NULL;
    }
}

/* One frame again and again: its image, what came out and what should. */
typedef struct {
    source *from;
    target *to;
    const target *expected;
} again;

static void start(void *context, uint8_t *arena)
{
    again *const frame = context;
    const mcucc_model *model = frame->from->model;

    memset(frame->to->next, 0, sizeof frame->to->next);
    memset(arena, 0x5C, (size_t)model->arena_bytes);
    seek(frame->from->input, frame->from->begin);
    read_image(model, arena, frame->from->input);
}

static int right(void *context, uint8_t *arena)
{
    again *const frame = context;

    collect(frame->to, arena);
    return memcmp(frame->to->bytes, frame->expected->bytes,
                  before(frame->from->model, frame->from->model->output_count)) == 0;
}

static void run_broken(const batch_network *network, source *from, const target *expected)
{
    const mcucc_model *model = network->model;
    uint8_t *arenas[2] = {painted(model->arena_bytes, 0), painted(model->arena_bytes, 1)};
    const int32_t bytes = (int32_t)before(model, model->output_count);
    target to[2] = {{model, painted(bytes, 4), {0}}, {model, painted(bytes, 5), {0}}};
    again frames[2] = {{from, &to[0], expected}, {from, &to[1], expected}};
    const mcucc_camera camera = {read_row, from};
    const mcucc_sink sinks[2] = {{write_row, &to[0]}, {write_row, &to[1]}};
    const int reads = model->inputs[0].offset < 0, writes = model->deliver != NULL;
    const broken_ends ends[2] = {{&camera, &sinks[0], &frames[0], start, right, reads, writes},
                                 {&camera, &sinks[1], &frames[1], start, right, reads, writes}};
    const batch_network *const both[2] = {network, network};
    const broken_ends *const both_ends[2] = {&ends[0], &ends[1]};

    broken_frames(network, arenas[0], &ends[0]);
    broken_turns(both, arenas, both_ends);
    for (int i = 0; i < 2; i++) {
        free(arenas[i]);
        free(to[i].bytes);
    }
}

static void run(const batch_network *network, FILE *input, FILE *output, int breaks)
{
    const mcucc_model *model = network->model;
    const size_t bytes = before(model, model->output_count);
    uint8_t *arena = painted(model->arena_bytes, 0xA5);
    uint8_t *sliced = painted(model->arena_bytes, 0x3C);
    uint8_t *late = painted(model->arena_bytes, 0xC3);
    uint8_t *pushed = network->rows ? painted(model->arena_bytes, 0x96) : NULL;
    source from = {model, input, ftell(input)};
    target to = {model, painted((int32_t)bytes, 0), {0}};
    target to_sliced = {model, painted((int32_t)bytes, 1), {0}};
    target to_late = {model, painted((int32_t)bytes, 2), {0}};
    target to_pushed = {model, painted((int32_t)bytes, 3), {0}};
    long end = from.begin;
    const mcucc_camera camera = {read_row, &from};
    const mcucc_sink sink = {write_row, &to};
    const mcucc_sink slices_sink = {write_row, &to_sliced};
    int32_t ended = 0;

    for (int32_t i = 0; i < model->input_count; i++) {
        end += (long)bytes_of(&model->inputs[i]);
    }
    read_image(model, arena, input);
    seek(input, from.begin);
    read_image(model, sliced, input);
    seek(input, from.begin);
    read_image(model, late, input);
    if (model->deliver != NULL) {
        ended = model->deliver(arena, &camera, &sink);
    } else if (model->stream != NULL) {
        ended = model->stream(arena, &camera);
    } else {
        model->run(arena);
    }
    for (int32_t slice = 0; ended == 0 && slice < network->slices; slice++) {
        ended = network->run_slice(sliced, slice, &camera, &slices_sink);
    }
    if (ended != 0) {
        exit(7);
    }
    run_late(network, late, &from, &to_late);
    if (pushed != NULL) {
        run_pushed(network, pushed, &from, &to_pushed);
    }
    seek(input, end);
    collect(&to, arena);
    same_as(&to, &to_sliced, sliced, 8);
    same_as(&to, &to_late, late, 12);
    if (pushed != NULL) {
        same_as(&to, &to_pushed, pushed, 13);
    }
    if (breaks) {
        run_broken(network, &from, &to);
        seek(input, end);
    }
    if (fwrite(to.bytes, 1, bytes, output) != bytes) {
        exit(6);
    }
    free(arena);
    free(sliced);
    free(late);
    free(pushed);
    free(to.bytes);
    free(to_sliced.bytes);
    free(to_late.bytes);
    free(to_pushed.bytes);
}

int main(int argc, char **argv)
{
    FILE *input = argc == 4 ? fopen(argv[1], "rb") : NULL;
    FILE *output = argc == 4 ? fopen(argv[2], "wb") : NULL;
    const int images = argc == 4 ? atoi(argv[3]) : 0;

    if (input == NULL || output == NULL) {
        return 2;
    }
    broken_nothing();
    for (int i = 0; i < batch_count; i++) {
        for (int image = 0; image < images; image++) {
            run(&batch_networks[i], input, output, image == images - 1);
        }
    }
    return fclose(output) != 0 || fclose(input) != 0;
}
