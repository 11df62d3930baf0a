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
    size_t unread; /* bytes of the image that the network has not asked for yet */
} source;

static size_t bytes_of(const mcucc_tensor *tensor)
{
    return (size_t)tensor->height * (size_t)tensor->width * (size_t)tensor->channels;
}

static void get(FILE *input, void *to, size_t bytes)
{
    if (fread(to, 1, bytes, input) != bytes) {
        exit(5);
    }
}

static void read_row(void *context, int32_t index, int32_t row, uint8_t *pixels)
{
    source *from = context;
    const mcucc_tensor *tensor = &from->model->inputs[index];
    (void)row;
    get(from->input, pixels, (size_t)tensor->width * (size_t)tensor->channels);
    from->unread -= (size_t)tensor->width * (size_t)tensor->channels;
}

static void run(const mcucc_model *model, FILE *input, FILE *output)
{
    uint8_t *arena = malloc((size_t)model->arena_bytes);
    source from = {model, input, 0};
    const mcucc_camera camera = {read_row, &from};

    if (arena == NULL) {
        exit(3);
    }
    for (int32_t i = 0; i < model->arena_bytes; i++) {
        arena[i] = 0xA5;
    }
    if (model->stream != NULL) {
        for (int32_t i = 0; i < model->input_count; i++) {
            from.unread += bytes_of(&model->inputs[i]);
        }
        model->stream(arena, &camera);
        for (; from.unread > 0; from.unread--) { /* no window reaches the last rows */
            fgetc(input);
        }
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
