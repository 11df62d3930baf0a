/* The host's firmware: the network on every image of a file, for builds with sanitizers.
 * Usage: PROGRAM INPUT OUTPUT. The arena is a heap block of exactly its size. */
#include <mcucc/mcucc.h>
#include <stdio.h>
#include <stdlib.h>

extern const mcucc_model *const mcucc_host_model; /* written by the toolchain */

static size_t row_bytes(const mcucc_tensor *tensor)
{
    return (size_t)tensor->width * (size_t)tensor->channels * (size_t)tensor->value_bytes;
}

static size_t bytes_of(const mcucc_tensor *tensor)
{
    return (size_t)tensor->height * row_bytes(tensor);
}

/* Bytes of the first so many of some tensors. */
static size_t before(const mcucc_tensor *tensors, int32_t count)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < count; ++i) {
        bytes += bytes_of(&tensors[i]);
    }
    return bytes;
}

/* Rows of a streamed image come straight from the file, again where the network asks again. */
typedef struct {
    FILE *input;
    long begin; /* of the images, one input after the other */
} source;

static void seek(FILE *input, long at)
{
    if (fseek(input, at, SEEK_SET) != 0) {
        exit(5);
    }
}

static int32_t read_row(void *context, int32_t index, int32_t row, uint8_t *pixels)
{
    const source *from = context;
    const mcucc_tensor *tensor = &mcucc_host_model->inputs[index];
    const size_t bytes = row_bytes(tensor);

    seek(from->input,
         from->begin + (long)(before(mcucc_host_model->inputs, index) + (size_t)row * bytes));
    return fread(pixels, 1, bytes, from->input) == bytes ? 0 : 5;
}

/* Outputs stand in the file one after the other, whenever their rows come. */
typedef struct {
    FILE *output;
    long begin;
} target;

static int32_t write_at(const target *to, size_t at, const void *values, size_t bytes)
{
    seek(to->output, to->begin + (long)at);
    return fwrite(values, 1, bytes, to->output) == bytes ? 0 : 1;
}

static int32_t write_row(void *context, int32_t index, int32_t row, const void *values)
{
    const size_t bytes = row_bytes(&mcucc_host_model->outputs[index]);

    return write_at(context, before(mcucc_host_model->outputs, index) + (size_t)row * bytes, values,
                    bytes);
}

static int in_rows(const mcucc_model *model)
{
    return model->inputs[0].offset < 0;
}

static int more(FILE *input)
{
    const int next = fgetc(input);
    return next != EOF && ungetc(next, input) == next;
}

static int read_image(const mcucc_model *model, uint8_t *arena, FILE *input)
{
    for (int32_t index = 0; index < model->input_count; ++index) {
        const mcucc_tensor *tensor = &model->inputs[index];
        if (fread(arena + tensor->offset, 1, bytes_of(tensor), input) != bytes_of(tensor)) {
            return 0;
        }
    }
    return 1;
}

static int32_t run_one(const mcucc_model *model, uint8_t *arena, source *from, target *to)
{
    const mcucc_camera camera = {read_row, from};
    const mcucc_sink sink = {write_row, to};

    if (model->deliver != NULL) {
        return model->deliver(arena, &camera, &sink);
    }
    if (model->stream != NULL) {
        return model->stream(arena, &camera);
    }
    model->run(arena);
    return 0;
}

static int run(const mcucc_model *model, uint8_t *arena, FILE *input, FILE *output)
{
    const size_t images = before(model->inputs, model->input_count);
    source from = {input, 0};
    target to = {output, 0};

    while (in_rows(model) ? more(input) : read_image(model, arena, input)) {
        int32_t ended = run_one(model, arena, &from, &to);

        for (int32_t index = 0; ended == 0 && index < model->output_count; ++index) {
            const mcucc_tensor *tensor = &model->outputs[index];
            if (tensor->offset >= 0) {
                ended = write_at(&to, before(model->outputs, index), arena + tensor->offset,
                                 bytes_of(tensor));
            }
        }
        if (ended != 0) {
            return ended;
        }
        from.begin += (long)images;
        to.begin += (long)before(model->outputs, model->output_count);
        seek(input, from.begin); /* nobody asks for the last rows where no window reaches them */
    }
    return 0;
}

int main(int argc, char **argv)
{
    const mcucc_model *model = mcucc_host_model;
    if (argc != 3) {
        return 2;
    }
    FILE *input = fopen(argv[1], "rb");
    FILE *output = fopen(argv[2], "wb");
    uint8_t *arena = malloc((size_t)model->arena_bytes);
    if (input == NULL || output == NULL || arena == NULL) {
        return 3;
    }
    int status = run(model, arena, input, output);
    free(arena);
    if (fclose(output) != 0 || fclose(input) != 0) {
        return 4;
    }
    return status;
}
