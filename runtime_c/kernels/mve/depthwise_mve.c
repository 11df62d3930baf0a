#include "mcucc/depthwise_mve.h"

#include "mcucc/depthwise_fill_mve.h"
#include "mcucc/depthwise_pixel_mve.h"
#include "mcucc/depthwise_unpack_mve.h"
#include "mcucc/finish_mve.h"

/* A block of channels of a tile. The assembly reads the fields in this order: where a comment names
 * a register, the field is loaded into it. */
typedef struct {
    const int8_t *planes;    /* r0: of the next channel */
    const uint32_t *stream;  /* r1 */
    int32_t zero_point;      /* r2 */
    int32_t pitch;           /* r3: from four outputs of a channel to the next four */
    int8_t *out;             /* r10 */
    int32_t channels;        /* r11: of the block */
    int32_t fours;           /* r12: of outputs */
    int32_t rest;            /* [sp]: outputs beyond them */
    int32_t rewind;          /* [sp, #4]: what `out` has moved, less one */
    const uint32_t *gathers; /* [sp, #8] */
    uint32_t offsets[4];     /* q7: of four outputs */
} block_at_work;

#if MCUCC_MVE

/* Words gathered for the next output of a channel times the weights in `w`. The lanes of `at` are
 * the addresses of the words; they move on by a step. q0 holds the words. */
/* clang-format off */
#define FIRST(sum, w, at, step)                    \
    "vldrw.u32 q0, [" at ", #" step "]!       \n"  \
    "vmlav.s8 " sum ", q0, " w "              \n"
#define NEXT(sum, w, at, step)                     \
    "vldrw.u32 q0, [" at ", #" step "]!       \n"  \
    "vmlava.s8 " sum ", q0, " w "             \n"
#define FOUR(turn, w, at, step)                    \
    turn("r2", w, at, step)                        \
    turn("r4", w, at, step)                        \
    turn("r6", w, at, step)                        \
    turn("r8", w, at, step)

/* The addresses of a channel's words: r8 points at the table of gathers. */
#define ADDRESS(at, from)                          \
    "vldrw.u32 " at ", [r8, #" from "]        \n"  \
    "vadd.i32 " at ", " at ", r0              \n"

/* Three rows: weights in q2, addresses in q1. */
#define BEGIN_1                                    \
    "vldrw.u32 q2, [r1]                       \n"  \
    ADDRESS("q1", "0")
#define SUMS_1(step) FOUR(FIRST, "q2", "q1", step)

/* Five rows: weights in q4, one after the other, addresses in q1-q3. */
#define BEGIN_3 ADDRESS("q1", "0") ADDRESS("q2", "16") ADDRESS("q3", "32")
#define SUMS_3(step)                               \
    "vldrw.u32 q4, [r1]                       \n"  \
    FOUR(FIRST, "q4", "q1", step)                  \
    "vldrw.u32 q4, [r1, #16]                  \n"  \
    FOUR(NEXT, "q4", "q2", step)                   \
    "vldrw.u32 q4, [r1, #32]                  \n"  \
    FOUR(NEXT, "q4", "q3", step)

/* Seven rows: weights in q5, addresses in q1-q4. */
#define BEGIN_4 BEGIN_3 ADDRESS("q4", "48")
#define SUMS_4(step)                               \
    "vldrw.u32 q5, [r1]                       \n"  \
    FOUR(FIRST, "q5", "q1", step)                  \
    "vldrw.u32 q5, [r1, #16]                  \n"  \
    FOUR(NEXT, "q5", "q2", step)                   \
    "vldrw.u32 q5, [r1, #32]                  \n"  \
    FOUR(NEXT, "q5", "q3", step)                   \
    "vldrw.u32 q5, [r1, #48]                  \n"  \
    FOUR(NEXT, "q5", "q4", step)

#define WEIGHT_BYTES_1 "16"
#define WEIGHT_BYTES_3 "48"
#define WEIGHT_BYTES_4 "64"
#define ENTRY_BYTES_doubling "8"
#define ENTRY_BYTES_shift "12"
#define ENTRY_BYTES_wide "12"
#define ENTRY_BYTES_double "12"

/* All channels of a block: sums in r2, r4, r6, r8; the channel's entry in r5, r7, r9; lr counts the
 * fours of outputs; the predicate masks the lanes of those that are left. */
#define CORE(gathers, step, form)                                          \
    MCUCC_ASSEMBLY_LOCAL(void, core_##gathers##x##step##_##form,           \
        (const block_at_work *work MCUCC_UNUSED),                          \
        "push {r4-r11, lr}                 \n"                             \
        "vpush {d8-d15}                    \n"                             \
        "vldrw.u32 q7, [r0, #40]           \n"                             \
        "ldrd r4, r5, [r0, #28]            \n"                             \
        "ldr r6, [r0, #36]                 \n"                             \
        "push {r4, r5, r6}                 \n"                             \
        "vctp.32 r4                        \n"                             \
        "ldmia r0, {r0, r1, r2, r3, r10, r11, r12} \n"                     \
        "vdup.32 q6, r2                    \n"                             \
        "1:                                \n"                             \
        "ldr r8, [sp, #8]                  \n"                             \
        BEGIN_##gathers                                                    \
        "add r2, r1, #" WEIGHT_BYTES_##gathers "\n"                        \
        "ldmia r2, " MCUCC_MVE_ENTRY_##form("r5", "r7", "r9") "\n"         \
        "adds r0, r0, #4                   \n"                             \
        "wls lr, r12, 3f                   \n"                             \
        "2:                                \n"                             \
        SUMS_##gathers(#step)                                              \
        MCUCC_MVE_SUMS                                                     \
        MCUCC_MVE_SCALE_##form("r5", "r7", "r9")                           \
        "vstrb.32 q0, [r10, q7]            \n"                             \
        "add r10, r10, r3                  \n"                             \
        "le lr, 2b                         \n"                             \
        "3:                                \n"                             \
        "ldr r2, [sp]                      \n"                             \
        "cmp r2, #0                        \n"                             \
        "beq 4f                            \n"                             \
        SUMS_##gathers(#step)                                              \
        MCUCC_MVE_SUMS                                                     \
        MCUCC_MVE_SCALE_##form("r5", "r7", "r9")                           \
        "vpst                              \n"                             \
        "vstrbt.32 q0, [r10, q7]           \n"                             \
        "4:                                \n"                             \
        "ldr r4, [sp, #4]                  \n"                             \
        "add r1, r1, #" WEIGHT_BYTES_##gathers "+" ENTRY_BYTES_##form "\n" \
        "subs r10, r10, r4                 \n"                             \
        "subs r11, r11, #1                 \n"                             \
        "bne 1b                            \n"                             \
        "add sp, sp, #12                   \n"                             \
        "vpop {d8-d15}                     \n"                             \
        "pop {r4-r11, pc}                  \n")
/* clang-format on */

#else

MCUCC_CODE static int8_t output_of(const int8_t *plane, const uint32_t *stream,
                                   const uint32_t *gathers, int32_t count, int32_t zero_point,
                                   mcucc_form_mve form)
{
    const int8_t *weights = (const int8_t *)stream;
    int32_t sum = 0;
    for (int32_t i = 0; i < MCUCC_VECTOR * count; ++i) {
        if (weights[i] != 0) {
            sum += plane[(int32_t)gathers[i / 4] + i % 4] * weights[i];
        }
    }
    return mcucc_finish_mve(sum, (const int32_t *)(stream + 4 * count), zero_point, form);
}

#define CORE(gathers_, step, form)                                                            \
    MCUCC_CODE static void core_##gathers_##x##step##_##form(const block_at_work *work)       \
    {                                                                                         \
        const int32_t words = 4 * gathers_ + mcucc_entry_words(MCUCC_FORM_MVE_##form);        \
        for (int32_t channel = 0; channel < work->channels; ++channel) {                      \
            for (int32_t i = 0; i < 4 * work->fours + work->rest; ++i) {                      \
                const int8_t *plane = work->planes + 4 * channel + (i + 1) * step;            \
                work->out[channel + i / 4 * work->pitch + (int32_t)work->offsets[i % 4]] =    \
                    output_of(plane, work->stream + channel * words, work->gathers, gathers_, \
                              work->zero_point, MCUCC_FORM_MVE_##form);                       \
            }                                                                                 \
        }                                                                                     \
    }

#endif

/* A tile: the columns [first, end) of the input, of which those in [begin, stop) exist. */
typedef struct {
    int32_t first;
    int32_t begin;
    int32_t stop;
    int32_t end;
} tile_columns;

/* What of a tile is padding is so for all blocks: it is written once. */
MCUCC_CODE static void fill_padding(const tile_columns *tile, int8_t *planes, int32_t column_bytes,
                                    int32_t zero_point)
{
    mcucc_fill_mve(planes, zero_point, (tile->begin - tile->first) * column_bytes);
    mcucc_fill_mve(planes + (tile->stop - tile->first) * column_bytes, zero_point,
                   (tile->end - tile->stop) * column_bytes);
}

/* The columns that exist, of the channels that lie `offset` bytes after rows[i]. */
MCUCC_CODE static void fill_planes(const mcucc_depthwise_mve_params *params,
                                   const tile_columns *tile, const int8_t *const *rows,
                                   int32_t offset, int32_t channels, int8_t *planes)
{
    const int32_t sets = (params->kernel_h + MCUCC_SET_ROWS_MVE - 1) / MCUCC_SET_ROWS_MVE;
    mcucc_depthwise_fill fill;
    if (tile->begin >= tile->stop) {
        return;
    }
    fill.step = sets * MCUCC_SET_BYTES_MVE;
    fill.pixel = params->channels;
    fill.columns = tile->stop - tile->begin;
    fill.channels = channels;
    fill.planes = planes + (tile->begin - tile->first) * fill.step;
    for (int32_t row = 0; row < params->kernel_h; row += MCUCC_SET_ROWS_MVE) {
        const int32_t left = params->kernel_h - row;
        const int32_t count = left < MCUCC_SET_ROWS_MVE ? left : MCUCC_SET_ROWS_MVE;
        for (int32_t i = 0; i < count; ++i) {
            fill.rows[i] = rows[row + i] + offset;
        }
        mcucc_depthwise_fill_mve(&fill, count);
        fill.planes += MCUCC_SET_BYTES_MVE;
    }
}

/* `count` outputs whose windows begin at input column `first`. */
MCUCC_CODE static void one_tile(const mcucc_depthwise_mve_params *params, const int8_t *const *rows,
                                int32_t input_column, int32_t first, int32_t count, int8_t *planes,
                                int8_t *out, void (*core)(const block_at_work *),
                                int32_t stream_words, const mcucc_depthwise_packed *packed)
{
    const uint32_t *stream = params->stream;
    const int32_t sets = (params->kernel_h + MCUCC_SET_ROWS_MVE - 1) / MCUCC_SET_ROWS_MVE;
    tile_columns tile;
    block_at_work work;
    tile.first = first;
    tile.end = first + (count - 1) * params->stride_w + params->kernel_w;
    tile.begin = mcucc_clamp(0, first, tile.end);
    tile.stop = mcucc_clamp(params->input_width, tile.begin, tile.end);
    fill_padding(&tile, planes, sets * MCUCC_SET_BYTES_MVE, params->input_zero_point);
    work.planes = planes;
    work.zero_point = params->output_zero_point;
    work.pitch = 4 * params->channels;
    work.fours = count / 4;
    work.rest = count % 4;
    work.rewind = work.fours * work.pitch - 1;
    work.gathers = params->gathers;
    for (int32_t i = 0; i < 4; ++i) {
        work.offsets[i] = (uint32_t)(i * params->channels);
    }
    for (int32_t channel = 0; channel < params->channels; channel += MCUCC_BLOCK_MVE) {
        const int32_t left = params->channels - channel;
        const int32_t offset = (tile.begin - input_column) * params->channels + channel;
        work.channels = left < MCUCC_BLOCK_MVE ? left : MCUCC_BLOCK_MVE;
        work.out = out + channel;
        fill_planes(params, &tile, rows, offset, work.channels, planes);
        if (packed == NULL) {
            work.stream = stream;
            stream += MCUCC_BLOCK_MVE * stream_words;
        } else {
            work.stream = packed->stream;
            stream = mcucc_depthwise_unpack_mve(packed, stream);
        }
        core(&work);
    }
}

/* The taps of the output whose window begins at input column `first`: those outside the input, and
 * the one that makes their number even, are `padding`. */
MCUCC_CODE static void point_at_taps(const mcucc_depthwise_mve_params *params,
                                     const int8_t *const *rows, int32_t first, int32_t input_column,
                                     const int8_t *padding, const int8_t **taps)
{
    const int32_t channels = params->channels;
    const int32_t offset = (first - input_column) * channels;
    const int32_t width = params->kernel_w;
    const int32_t outside = first < 0 || first + width > params->input_width;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        const int8_t *x = rows[row] + offset;
        for (const int8_t **end = taps + width; taps < end; ++taps) {
            *taps = x;
            x += channels;
        }
        for (int32_t tap = 0; outside && tap < width; ++tap) {
            if (first + tap < 0 || first + tap >= params->input_width) {
                taps[tap - width] = padding;
            }
        }
    }
    if (params->kernel_h * width % 2 > 0) {
        *taps = padding;
    }
}

/* All outputs of a span, pixel by pixel. */
MCUCC_CODE static void pixels(const mcucc_depthwise_mve_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span, int32_t gathers,
                              int32_t stream_words, void (*one)(const mcucc_depthwise_pixel *))
{
    /* Scratch is aligned for the pointers of the target; other machines may have larger ones. */
    const uintptr_t size = sizeof(const int8_t *);
    const uintptr_t aligned = ((uintptr_t)span->scratch + size - 1) / size * size;
    const int8_t **taps = (const int8_t **)aligned;
    int8_t *const padding = (int8_t *)(taps + 2 * params->pairs);
    mcucc_depthwise_pixel pixel;
    pixel.taps = taps;
    pixel.weights = params->blocks;
    pixel.pairs = params->pairs;
    pixel.blocks = (params->channels + MCUCC_BLOCK_MVE - 1) / MCUCC_BLOCK_MVE;
    pixel.stride = stream_words * (int32_t)sizeof(uint32_t);
    pixel.zero_point = params->output_zero_point;
    pixel.channels = params->channels;
    pixel.entries = (const int32_t *)(params->stream + 4 * gathers);
    pixel.last = params->channels < MCUCC_BLOCK_MVE ? 0 : params->channels - MCUCC_BLOCK_MVE;
    for (int32_t i = 0; i < 4; ++i) {
        pixel.lanes[i] = (uint32_t)(4 * i * pixel.stride);
    }
    mcucc_fill_mve(padding, params->input_zero_point, params->channels);
    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t first = column * params->stride_w - params->pad_left;
        point_at_taps(params, rows, first, span->input_column, padding, taps);
        pixel.out = out;
        one(&pixel);
        out += params->channels;
    }
}

/* All outputs of a span, tile by tile. */
MCUCC_CODE static void tiles(const mcucc_depthwise_mve_params *params, const int8_t *const *rows,
                             int8_t *out, const mcucc_span *span,
                             void (*core)(const block_at_work *), int32_t stream_words,
                             int8_t *planes, const mcucc_depthwise_packed *packed)
{
    for (int32_t column = span->begin; column < span->end; column += params->tile) {
        const int32_t left = span->end - column;
        const int32_t count = left < params->tile ? left : params->tile;
        const int32_t first = column * params->stride_w - params->pad_left;
        one_tile(params, rows, span->input_column, first, count, planes, out, core, stream_words,
                 packed);
        out += count * params->channels;
    }
}

/* Packed weights: a block's stream and weights lie in scratch before the planes. */
MCUCC_CODE static void packed_tiles(const mcucc_depthwise_mve_params *params,
                                    const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                    void (*core)(const block_at_work *), int32_t gathers,
                                    int32_t entry_words, int32_t bits)
{
    const int32_t fields = params->kernel_h * params->kernel_w + 1;
    const int32_t unit = MCUCC_VECTOR * 8 / bits;
    const int32_t room = (MCUCC_BLOCK_MVE * fields + unit - 1) / unit * unit;
    const int32_t words = 4 * gathers + entry_words;
    uint32_t *const stream = (uint32_t *)span->scratch;
    int8_t *const weights = (int8_t *)(stream + MCUCC_BLOCK_MVE * words);
    int8_t *const planes = weights + room;
    const mcucc_depthwise_packed packed = {gathers,        entry_words, bits,  fields,
                                           params->blocks, weights,     stream};
    tiles(params, rows, out, span, core, words, planes, &packed);
}

#define FUNCTION(gathers, step, name, body)                                               \
    MCUCC_CODE void mcucc_depthwise_mve_##gathers##x##step##_##name(                      \
        const mcucc_depthwise_mve_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                           \
    {                                                                                     \
        const int32_t columns = span->end - span->begin;                                  \
        body mcucc_clamp_mve(out, columns * params->channels, params->lo, params->hi);    \
    }
#define PACKED(gathers, step, form, bits)                                                     \
    FUNCTION(gathers, step, int##bits##_##form,                                               \
             packed_tiles(params, rows, out, span, core_##gathers##x##step##_##form, gathers, \
                          mcucc_entry_words(MCUCC_FORM_MVE_##form), bits);)
#define KERNEL(gathers, step, form)                                                            \
    CORE(gathers, step, form)                                                                  \
    FUNCTION(                                                                                  \
        gathers, step, form,                                                                   \
        const int32_t words = 4 * gathers + mcucc_entry_words(MCUCC_FORM_MVE_##form);          \
        if (columns <= params->narrow) {                                                       \
            pixels(params, rows, out, span, gathers, words, mcucc_depthwise_pixel_mve_##form); \
        } else {                                                                               \
            tiles(params, rows, out, span, core_##gathers##x##step##_##form, words,            \
                  (int8_t *)span->scratch, NULL);                                              \
        })                                                                                     \
    PACKED(gathers, step, form, 4)                                                             \
    PACKED(gathers, step, form, 2)
#define KERNELS(gathers, step)      \
    KERNEL(gathers, step, doubling) \
    KERNEL(gathers, step, shift)    \
    KERNEL(gathers, step, wide)     \
    KERNEL(gathers, step, double)

KERNELS(1, 64)
KERNELS(1, 128)
KERNELS(3, 128)
KERNELS(3, 256)
KERNELS(4, 128)
KERNELS(4, 256)
