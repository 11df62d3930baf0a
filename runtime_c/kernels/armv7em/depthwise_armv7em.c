#include "mcucc/depthwise_armv7em.h"

#include "mcucc/depthwise_rows_armv7em.h"
#include "mcucc/depthwise_rows_bytes_armv7em.h"
#include "mcucc/window.h"

typedef void (*block_rows)(const mcucc_depthwise_block *block);

/* The columns of one plane, or pairs of columns of the last row's, that lie inside the input. */
typedef struct {
    int32_t skip;   /* words before the first one */
    int32_t column; /* its input column */
    int32_t count;
} plane_part;

/* What all channels of a tile share. */
typedef struct {
    int32_t pixel;       /* bytes from one of its columns to the next */
    int32_t plane_words; /* of a plane of two rows */
    plane_part two_rows;
    plane_part last_row;
    int32_t left;  /* whether a pair is half in the left padding: it precedes the inner ones */
    int32_t right; /* whether a pair is half in the right padding: it follows them */
    int8_t padding[MCUCC_PLANE_WORDS];
} tile_input;

/* The tile of the input columns [first, end), of which those in [0, width) exist. */
MCUCC_CODE static tile_input measure(int32_t first, int32_t end, int32_t pixel, int32_t width)
{
    const int32_t from = first < 0 ? -first : 0;
    const int32_t inside =
        (end < width ? end : width) - first; /* columns that exist, or are left */
    const int32_t pairs = (end - first + 1) / 2;
    tile_input tile = {.pixel = pixel, .plane_words = 2 * pairs * MCUCC_PLANE_WORDS};
    tile.two_rows.skip = from * MCUCC_PLANE_WORDS;
    tile.two_rows.column = first + from;
    tile.two_rows.count = inside - from;
    tile.left = from % 2 && inside > from;
    tile.last_row.skip = (from + 1) / 2 * MCUCC_PLANE_WORDS;
    tile.last_row.column = first + from + from % 2;
    tile.last_row.count = inside / 2 - (from + 1) / 2;
    tile.right = inside % 2 && inside > from;
    return tile;
}

MCUCC_CODE static void split_two_rows(const tile_input *tile, uint32_t *plane, const int8_t *upper,
                                      const int8_t *lower)
{
    const int32_t offset = tile->two_rows.column * tile->pixel;
    if (tile->two_rows.count > 0) {
        mcucc_depthwise_split(plane + tile->two_rows.skip, upper + offset, lower + offset,
                              tile->pixel, tile->two_rows.count);
    }
}

MCUCC_CODE static void split_last_row(const tile_input *tile, uint32_t *plane, const int8_t *row)
{
    const int32_t pixel = tile->pixel;
    const int8_t *x = row + tile->last_row.column * pixel;
    plane += tile->last_row.skip;
    if (tile->left) {
        mcucc_depthwise_split(plane - MCUCC_PLANE_WORDS, tile->padding, x - pixel, 0, 1);
    }
    if (tile->last_row.count > 0) {
        mcucc_depthwise_split(plane, x, x + pixel, 2 * pixel, tile->last_row.count);
        plane += tile->last_row.count * MCUCC_PLANE_WORDS;
        x += 2 * tile->last_row.count * pixel;
    }
    if (tile->right) {
        mcucc_depthwise_split(plane, x, tile->padding, 0, 1);
    }
}

/* All planes of the four channels that start `offset` bytes after rows[i]. */
MCUCC_CODE static void split_tile(const tile_input *tile, uint32_t *planes,
                                  const int8_t *const *rows, int32_t offset, int32_t kernel)
{
    for (int32_t row = 0; row + 1 < kernel; row += 2) {
        split_two_rows(tile, planes, rows[row] + offset, rows[row + 1] + offset);
        planes += tile->plane_words;
    }
    split_last_row(tile, planes, rows[kernel - 1] + offset);
}

/* The words of a plane of `words` words that hold padding. */
MCUCC_CODE static void fill_plane(uint32_t *plane, int32_t words, const plane_part *part,
                                  uint32_t value)
{
    const int32_t end = part->skip + part->count * MCUCC_PLANE_WORDS;
    for (int32_t i = 0; i < part->skip && i < words; ++i) {
        plane[i] = value;
    }
    for (int32_t i = end < part->skip ? part->skip : end; i < words; ++i) {
        plane[i] = value;
    }
}

/* Padding is the same for all channels: it is written once a tile, the inputs around it often. */
MCUCC_CODE static void fill_padding(tile_input *tile, uint32_t *planes, int32_t kernel,
                                    int32_t zero_point)
{
    const uint32_t both = mcucc_pair(zero_point, zero_point);
    memset(tile->padding, zero_point, sizeof tile->padding);
    for (int32_t row = 0; row + 1 < kernel; row += 2) {
        fill_plane(planes, tile->plane_words, &tile->two_rows, both);
        planes += tile->plane_words;
    }
    fill_plane(planes, tile->plane_words / 2, &tile->last_row, both);
}

/* Outputs come in fours: a short row that is no multiple of 4 goes through a buffer as a whole, of
 * a long one the last one to three. */
#define BUFFER_COLUMNS 16

/* `columns` outputs of four channels, by way of a buffer; the block is changed. */
MCUCC_CODE static void buffered_block(mcucc_depthwise_block *block, int32_t columns, int32_t words,
                                      block_rows compute)
{
    int8_t buffer[BUFFER_COLUMNS * MCUCC_PLANE_WORDS];
    const int8_t *x = buffer;
    int8_t *out = block->out;
    const int32_t step = block->step;
    block->end = block->pairs + (columns + 3) / 4 * 4 * words;
    block->out = buffer;
    block->step = MCUCC_PLANE_WORDS;
    compute(block);
    for (; columns > 0; --columns) {
        mcucc_store_word(out, mcucc_load(x));
        x += MCUCC_PLANE_WORDS;
        out += step;
    }
}

/* `columns` is no multiple of 4. */
MCUCC_CODE static void uneven_block(mcucc_depthwise_block block, int32_t columns, int32_t stride,
                                    block_rows compute)
{
    const int32_t left = columns % 4;
    const int32_t words = MCUCC_PLANE_WORDS * stride; /* from one output to the next */
    const int32_t direct = columns <= BUFFER_COLUMNS ? 0 : columns - left;
    if (direct > 0) {
        block.end = block.pairs + direct * words;
        compute(&block);
        block.pairs = block.end;
        block.last += direct * words / 2;
        block.out += direct * block.step;
    }
    buffered_block(&block, columns - direct, words, compute);
}

/* Columns that are a dilation apart: of the input from column `offset` on, in bytes behind rows[i],
 * `width` of them; of the output `columns`, the window of the first starting at the input's `first`. */
typedef struct {
    int32_t offset;
    int32_t pixel; /* bytes from one to the next, of both */
    int32_t width;
    int32_t first;
    int32_t columns;
} phase;

/* The columns of a phase, of which the output's `begin` is the first: without dilation all. */
MCUCC_CODE static phase phase_of(const mcucc_depthwise_armv7em_params *params,
                                 const mcucc_span *span, int32_t begin, int32_t stride)
{
    const int32_t dilation = params->dilation;
    int32_t first = begin * stride - params->pad_left;
    int32_t from = first % dilation;
    from += from < 0 ? dilation : 0;
    first = (first - from) / dilation;
    const phase found = {
        (from - span->input_column) * params->channels,         dilation * params->channels,
        (params->input_width - from + dilation - 1) / dilation, first,
        (span->end - begin + dilation - 1) / dilation,
    };
    return found;
}

/* Shared by all forms: the last channel's block steps back to end there. `words` are a channel's. */
MCUCC_CODE static void depthwise_phase(const mcucc_depthwise_armv7em_params *params,
                                       const int8_t *const *rows, int8_t *out, uint32_t *planes,
                                       const phase *at, int32_t kernel, int32_t stride,
                                       int32_t words, block_rows compute)
{
    const int32_t channels = params->channels;
    for (int32_t column = 0; column < at->columns; column += params->tile) {
        const int32_t left = at->columns - column;
        const int32_t columns = left < params->tile ? left : params->tile;
        const int32_t first = at->first + column * stride;
        const int32_t end = first + (columns - 1) * stride + kernel;
        tile_input tile = measure(first, end, at->pixel, at->width);
        mcucc_depthwise_block block = {
            planes,
            planes + kernel / 2 * tile.plane_words,
            NULL,
            NULL,
            at->pixel,
            NULL,
            tile.plane_words * (int32_t)sizeof *planes,
            params->addend,
            params->shift,
        };
        block.end = planes + columns * MCUCC_PLANE_WORDS * stride;
        fill_padding(&tile, planes, kernel, params->input_zero_point);
        for (int32_t channel = 0; channel < channels; channel += MCUCC_PLANE_WORDS) {
            const int32_t last = channels - MCUCC_PLANE_WORDS;
            const int32_t from = channel < last ? channel : last;
            split_tile(&tile, planes, rows, from + at->offset, kernel);
            block.stream = params->stream + from * words;
            block.out = out + from;
            if (columns % 4 == 0) {
                compute(&block);
            } else {
                uneven_block(block, columns, stride, compute);
            }
        }
        out += columns * at->pixel;
    }
}

MCUCC_CODE static void depthwise(const mcucc_depthwise_armv7em_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                 int32_t kernel, int32_t stride, int32_t words, block_rows compute)
{
    const int32_t columns = span->end - span->begin;
    for (int32_t i = 0; i < params->dilation && i < columns; ++i) {
        const phase at = phase_of(params, span, span->begin + i, stride);
        depthwise_phase(params, rows, out + i * params->channels, (uint32_t *)span->scratch, &at,
                        kernel, stride, words, compute);
    }
    mcucc_clamp_bytes(out, columns * params->channels, params->lo, params->hi);
}

#define DEPTHWISE(name, kernel, stride, form, words, rows_of)                                 \
    MCUCC_CODE void mcucc_depthwise_##name##_##kernel##_##stride##_##form(                    \
        const mcucc_depthwise_armv7em_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                               \
    {                                                                                         \
        depthwise(params, rows, out, span, kernel, stride, words,                             \
                  mcucc_depthwise_##rows_of##_##kernel##_##stride##_##form);                  \
    }

/* Words of a channel's constants behind `factor` of them. */
#define WORDS(factor, kernel) ((factor) + (kernel) * ((kernel) / 2) + (kernel) - 1)

#define BYTES(kernel, stride, prefix, bits)                          \
    DEPTHWISE(bytes_armv7em, kernel, stride, prefix##high,           \
              MCUCC_DEPTHWISE_BYTES_WORDS(kernel, bits), rows_bytes) \
    DEPTHWISE(bytes_armv7em, kernel, stride, prefix##common,         \
              MCUCC_DEPTHWISE_BYTES_WORDS(kernel, bits), rows_bytes)

#define FORMS(kernel, stride)                                          \
    DEPTHWISE(armv7em, kernel, stride, high, WORDS(2, kernel), rows)   \
    DEPTHWISE(armv7em, kernel, stride, common, WORDS(2, kernel), rows) \
    DEPTHWISE(armv7em, kernel, stride, shift, WORDS(4, kernel), rows)  \
    DEPTHWISE(armv7em, kernel, stride, double, WORDS(4, kernel), rows) \
    BYTES(kernel, stride, , 8)                                         \
    BYTES(kernel, stride, int4_, 4)                                    \
    BYTES(kernel, stride, int2_, 2)

FORMS(3, 1)
FORMS(3, 2)
FORMS(5, 1)
FORMS(5, 2)
FORMS(7, 1)
FORMS(7, 2)
