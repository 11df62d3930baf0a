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
    size_t at = (size_t)row * bytes;
    for (int32_t i = 0; i < index; ++i) {
        at += bytes_of(&mcucc_host_model->inputs[i]);
    }
    seek(from->input, from->begin + (long)at);
    return fread(pixels, 1, bytes, from->input) == bytes ? 0 : 5;
}

static int32_t stream(const mcucc_model *model, uint8_t *arena, FILE *input)
{
    source from = {input, ftell(input)};
    long end = from.begin;
    const mcucc_camera camera = {read_row, &from};

    for (int32_t index = 0; index < model->input_count; ++index) {
        end += (long)bytes_of(&model->inputs[index]);
    }
    const int32_t ended = model->stream(arena, &camera);
    seek(input, end); /* nobody asks for the last rows where no window reaches them */
    return ended;
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

static int run(const mcucc_model *model, uint8_t *arena, FILE *input, FILE *output)
{
    while (model->stream != NULL ? more(input) : read_image(model, arena, input)) {
        if (model->stream != NULL) {
            const int32_t ended = stream(model, arena, input);
            if (ended != 0) {
                return ended;
            }
        } else {
            model->run(arena);
        }
        for (int32_t index = 0; index < model->output_count; ++index) {
            const mcucc_tensor *tensor = &model->outputs[index];
            if (fwrite(arena + tensor->offset, 1, bytes_of(tensor), output) != bytes_of(tensor)) {
                return 1;
            }
        }
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
