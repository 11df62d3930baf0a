/* Many networks in one program, each on images of a file, in an arena of exactly its size.
 * Usage: PROGRAM INPUT OUTPUT IMAGES. IMAGES images for every network in turn. */
#include <mcucc/mcucc.h>
#include <stdio.h>
#include <stdlib.h>

extern const mcucc_model *const batch_models[];
extern const int batch_count;

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

static void run(const mcucc_model *model, FILE *input, FILE *output)
{
    uint8_t *arena = malloc((size_t)model->arena_bytes);
    source from = {model, input, ftell(input)};
    long end = from.begin;
    const mcucc_camera camera = {read_row, &from};

    if (arena == NULL) {
        exit(3);
    }
    for (int32_t i = 0; i < model->arena_bytes; i++) {
        arena[i] = 0xA5;
    }
    if (model->stream != NULL) {
        for (int32_t i = 0; i < model->input_count; i++) {
            end += (long)bytes_of(&model->inputs[i]);
        }
        if (model->stream(arena, &camera) != 0) {
            exit(7);
        }
        seek(input, end);
    } else {
        for (int32_t i = 0; i < model->input_count; i++) {
            get(input, arena + model->inputs[i].offset, bytes_of(&model->inputs[i]));
        }
        model->run(arena);
    }
    for (int32_t i = 0; i < model->output_count; i++) {
        if (fwrite(arena + model->outputs[i].offset, 1, bytes_of(&model->outputs[i]), output) !=
            bytes_of(&model->outputs[i])) {
            exit(6);
        }
    }
    free(arena);
}

int main(int argc, char **argv)
{
    FILE *input = argc == 4 ? fopen(argv[1], "rb") : NULL;
    FILE *output = argc == 4 ? fopen(argv[2], "wb") : NULL;

    if (input == NULL || output == NULL) {
        return 2;
    }
    for (int model = 0; model < batch_count; model++) {
        for (int image = 0; image < atoi(argv[3]); image++) {
            run(batch_models[model], input, output);
        }
    }
    return fclose(output) != 0 || fclose(input) != 0;
}
