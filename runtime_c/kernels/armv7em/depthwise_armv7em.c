#include "mcucc/depthwise_armv7em.h"

#include "mcucc/depthwise_rows_armv7em.h"
#include "mcucc/window.h"

typedef void (*block_rows)(const mcucc_depthwise_block *block);

/* The inputs of a tile: columns of four channels. */
typedef struct {
    int32_t channels;
    int32_t first;  /* input column of the tile's first tap, may lie in the padding */
    int32_t end;    /* one past the last input column that may be read */
    int32_t pairs;  /* of columns, the last one perhaps half beyond the tile */
    int32_t fresh;  /* whether the planes' padding is not yet written */
    int8_t padding[MCUCC_PLANE_WORDS];
} tile_input;

/* Where the four channels of an input column are; `row` is at input column 0. */
MCUCC_INLINE const int8_t *column_at(const tile_input *input, const int8_t *row, int32_t column)
{
    const int32_t inside = column >= 0 && column < input->end;
    return inside ? row + column * input->channels : input->padding;
}

/* A step of a plane that touches the padding. Where it is all padding it is the same for all
 * blocks of channels: only the first one writes it. */
MCUCC_INLINE void split_border(const tile_input *input, uint32_t *plane, const int8_t *row,
                               int32_t column, int32_t beside)
{
    if (column + beside < 0 || column >= input->end) {
        if (input->fresh) {
            const uint32_t both = mcucc_pair(input->padding[0], input->padding[0]);
            plane[0] = both;
            plane[1] = both;
            plane[2] = both;
            plane[3] = both;
        }
    } else {
        mcucc_depthwise_split(plane, column_at(input, row, column),
                              column_at(input, row, column + beside), 0, 1);
    }
}

/* One plane, from columns of two rows (columns 1), or pairs of columns of one row (columns 2). */
static void split_plane(const tile_input *input, uint32_t *plane, const int8_t *upper,
                        const int8_t *lower, int32_t columns)
{
    const int32_t beside = columns - 1;
    const int32_t last = input->first + 2 * input->pairs;
    const int32_t inner = columns == 1 ? input->end : input->end - 1;
    int32_t column = input->first;
    for (; column < 0; column += columns) {
        split_border(input, plane, upper, column, beside);
        plane += MCUCC_PLANE_WORDS;
    }
    if (column < inner) {
        const int32_t steps = columns == 1 ? inner - column : (inner - column + 1) / 2;
        const int32_t offset = column * input->channels;
        const int32_t step = columns * input->channels;
        mcucc_depthwise_split(plane, upper + offset, lower + offset + beside * input->channels,
                              step, steps);
        plane += steps * MCUCC_PLANE_WORDS;
        column += steps * columns;
    }
    for (; column < last; column += columns) {
        split_border(input, plane, upper, column, beside);
        plane += MCUCC_PLANE_WORDS;
    }
}

/* All planes of the four channels that start `offset` bytes after rows[i]. */
static void split_tile(const tile_input *input, uint32_t *planes, const int8_t *const *rows,
                       int32_t offset, int32_t kernel)
{
    for (int32_t row = 0; row + 1 < kernel; row += 2) {
        split_plane(input, planes, rows[row] + offset, rows[row + 1] + offset, 1);
        planes += 2 * input->pairs * MCUCC_PLANE_WORDS;
    }
    split_plane(input, planes, rows[kernel - 1] + offset, rows[kernel - 1] + offset, 2);
}

/* `columns` outputs of four channels; the last one to three go through a buffer. */
static void one_block(mcucc_depthwise_block block, int32_t columns, int32_t stride,
                      block_rows compute)
{
    const int32_t left = columns % 4;
    const int32_t words = MCUCC_PLANE_WORDS * stride; /* from one output to the next */
    block.end = block.pairs + (columns - left) * words;
    if (columns > left) {
        compute(&block);
    }
    if (left > 0) {
        int8_t buffer[4 * MCUCC_PLANE_WORDS];
        int8_t *out = block.out + (columns - left) * block.step;
        const int32_t step = block.step;
        block.pairs = block.end;
        block.last += (columns - left) * words / 2;
        block.end += 4 * words;
        block.out = buffer;
        block.step = MCUCC_PLANE_WORDS;
        compute(&block);
        for (int32_t i = 0; i < left; ++i) {
            memcpy(out + i * step, buffer + i * MCUCC_PLANE_WORDS, MCUCC_PLANE_WORDS);
        }
    }
}

/* Shared by all forms: the last channel's block steps back to end there. */
static void depthwise(const mcucc_depthwise_armv7em_params *params, const int8_t *const *rows,
                      int8_t *out, const mcucc_span *span, int32_t kernel, int32_t stride,
                      block_rows compute)
{
    const int32_t channels = params->channels;
    const int32_t words = 4 + kernel * (kernel / 2) + kernel - 1;
    uint32_t *const planes = (uint32_t *)span->scratch;
    int8_t *const start = out;
    const int8_t zero = (int8_t)params->input_zero_point;

    for (int32_t column = span->begin; column < span->end; column += params->tile) {
        const int32_t left = span->end - column;
        const int32_t columns = left < params->tile ? left : params->tile;
        const int32_t needed = (columns - 1) * stride + kernel;
        tile_input input = {channels, column * stride - params->pad_left, 0, (needed + 1) / 2, 1,
                            {zero, zero, zero, zero}};
        input.end = input.first + needed;
        input.end = input.end < params->input_width ? input.end : params->input_width;
        const int32_t plane = 2 * input.pairs * MCUCC_PLANE_WORDS;
        mcucc_depthwise_block block = {planes, planes + kernel / 2 * plane, NULL, NULL, channels,
                                       NULL, plane * (int32_t)sizeof *planes};
        for (int32_t channel = 0; channel < channels; channel += MCUCC_PLANE_WORDS) {
            const int32_t last = channels - MCUCC_PLANE_WORDS;
            const int32_t from = channel < last ? channel : last;
            split_tile(&input, planes, rows, from - span->input_column * channels, kernel);
            input.fresh = 0;
            block.stream = params->stream + from * words;
            block.out = out + from;
            one_block(block, columns, stride, compute);
        }
        out += columns * channels;
    }
    mcucc_clamp_bytes(start, (span->end - span->begin) * channels, params->lo, params->hi);
}

#define DEPTHWISE(kernel, stride, form)                                                       \
    void mcucc_depthwise_armv7em_##kernel##_##stride##_##form(                                \
        const mcucc_depthwise_armv7em_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                               \
    {                                                                                         \
        depthwise(params, rows, out, span, kernel, stride,                                    \
                  mcucc_depthwise_rows_##kernel##_##stride##_##form);                         \
    }

#define FORMS(kernel, stride)        \
    DEPTHWISE(kernel, stride, high)  \
    DEPTHWISE(kernel, stride, shift) \
    DEPTHWISE(kernel, stride, double)

FORMS(3, 1)
FORMS(3, 2)
FORMS(5, 1)
FORMS(5, 2)
FORMS(7, 1)
FORMS(7, 2)
