#include "mcucc/depthwise_columns.h"

#include <string.h>

#include "mcucc/finish.h"
#include "mcucc/packed.h"

#define COLUMNS 4
#define LARGEST_KERNEL 7

/* Where four columns' inputs lie: the first column of every row, bytes from column to column. */
typedef struct {
    const int8_t *rows[LARGEST_KERNEL];
    int32_t pitch;
} column_input;

/* The sums of COLUMNS outputs of the channel `offset` bytes into every row. */
typedef void (*column_sums)(const column_input *input, int32_t offset, const int8_t *weights,
                            int32_t *sums);

#if defined(__ARM_ARCH_6M__) && defined(__GNUC__)

/* Eight registers: two columns at a time, their sums in r3 and r4, the next inputs at r0. r1 is the
 * step of r0, r2 the weights; r8 the rows still to come, r9 the offset, r10 the end of the weights.
 * Every input is loaded once for both columns with stride 1. */
/* clang-format off */
#define STRING(text) #text
#define INPUT                                               \
    "ldrsb r6, [r0, r1]\n"                                  \
    "adds r0, r0, r1\n"

#define TAP_1(tap)                                          \
    "movs r5, #" STRING(tap) "\n"                           \
    "ldrsb r5, [r2, r5]\n"                                  \
    "muls r6, r5\n"                                         \
    "adds r3, r3, r6\n"                                     \
    INPUT                                                   \
    "muls r5, r6\n"                                         \
    "adds r4, r4, r5\n"

/* With stride 2 the second column's input is two columns on: r7 is twice the step. */
#define TAP_2(tap)                                          \
    "movs r5, #" STRING(tap) "\n"                           \
    "ldrsb r5, [r2, r5]\n"                                  \
    "ldrsb r6, [r0, r1]\n"                                  \
    "adds r0, r0, r1\n"                                     \
    "muls r6, r5\n"                                         \
    "adds r3, r3, r6\n"                                     \
    "ldrsb r6, [r0, r7]\n"                                  \
    "muls r5, r6\n"                                         \
    "adds r4, r4, r5\n"

#define TAPS_3(stride) TAP_##stride(0) TAP_##stride(1) TAP_##stride(2)
#define TAPS_5(stride) TAPS_3(stride) TAP_##stride(3) TAP_##stride(4)
#define TAPS_7(stride) TAPS_5(stride) TAP_##stride(5) TAP_##stride(6)
#define FIRST_1 INPUT
#define FIRST_2 "lsls r7, r1, #1\n"

#define SUMS(kernel, stride)                                                    \
    MCUCC_ASSEMBLY_LOCAL(void, sums_##kernel##_##stride,                        \
        (const column_input *input MCUCC_UNUSED, int32_t offset MCUCC_UNUSED,   \
         const int8_t *weights MCUCC_UNUSED, int32_t *sums MCUCC_UNUSED),       \
        ".syntax unified\n"                                                     \
        "push {r4-r7, lr}\n"                                                    \
        "mov r4, r8\n"                                                          \
        "mov r5, r9\n"                                                          \
        "mov r6, r10\n"                                                         \
        "push {r0, r3-r6}\n"                                                    \
        "mov lr, r0\n"                                                          \
        "mov r9, r1\n"                                                          \
        "movs r1, #2\n"                                                         \
        "mov ip, r1\n"                                                          \
        "ldr r1, [r0, #28]\n"                                                   \
        "mov r0, r9\n"                                                          \
        "subs r0, r0, r1\n" /* inputs are loaded one step ahead of r0 */        \
        "mov r9, r0\n"                                                          \
        "1:\n"                                                                  \
        "mov r8, lr\n"                                                          \
        "movs r3, r2\n"                                                         \
        "adds r3, #" STRING(kernel) " * " STRING(kernel) "\n"                   \
        "mov r10, r3\n"                                                         \
        "movs r3, #0\n"                                                         \
        "movs r4, #0\n"                                                         \
        "2:\n"                                                                  \
        "mov r7, r8\n"                                                          \
        "ldmia r7!, {r0}\n"                                                     \
        "mov r8, r7\n"                                                          \
        "add r0, r9\n"                                                          \
        FIRST_##stride                                                          \
        TAPS_##kernel(stride)                                                   \
        "adds r2, #" STRING(kernel) "\n"                                        \
        "cmp r2, r10\n"                                                         \
        "bne 2b\n"                                                              \
        "ldr r7, [sp, #4]\n"                                                    \
        "stmia r7!, {r3, r4}\n"                                                 \
        "str r7, [sp, #4]\n"                                                    \
        "lsls r5, r1, #" STRING(stride) "\n" /* two columns on: 2 or 4 steps */ \
        "add r9, r5\n"                                                          \
        "subs r2, #" STRING(kernel) " * " STRING(kernel) "\n"                   \
        "mov r5, ip\n"                                                          \
        "subs r5, #1\n"                                                         \
        "mov ip, r5\n"                                                          \
        "bne 1b\n"                                                              \
        "pop {r0, r3-r6}\n"                                                     \
        "mov r8, r4\n"                                                          \
        "mov r9, r5\n"                                                          \
        "mov r10, r6\n"                                                         \
        "pop {r4-r7, pc}\n")
/* clang-format on */

#else

/* A weight meets COLUMNS inputs, of which the next weight meets all but one: `window` slides. With
 * stride 2 that holds for the even taps, then for the odd ones. */
MCUCC_INLINE void sum_columns(const column_input *input, int32_t offset, const int8_t *weights,
                              int32_t *sums, int32_t kernel, int32_t stride)
{
    const int32_t pitch = input->pitch;
    int32_t acc[COLUMNS] = {0};
    for (int32_t row = 0; row < kernel; ++row) {
        const int8_t *x = input->rows[row] + offset;
        MCUCC_UNROLL
        for (int32_t phase = 0; phase < stride; ++phase) {
            const int8_t *next = x + phase * pitch;
            int32_t window[COLUMNS + LARGEST_KERNEL];
            MCUCC_UNROLL
            for (int32_t i = 0; i < COLUMNS - 1; ++i) {
                window[i] = *next;
                next += stride * pitch;
            }
            MCUCC_UNROLL
            for (int32_t tap = 0; phase + tap * stride < kernel; ++tap) {
                const int32_t weight = weights[phase + tap * stride];
                window[tap + COLUMNS - 1] = *next;
                next += stride * pitch;
                MCUCC_UNROLL
                for (int32_t i = 0; i < COLUMNS; ++i) {
                    acc[i] += window[tap + i] * weight;
                }
            }
        }
        weights += kernel;
    }
    MCUCC_UNROLL
    for (int32_t i = 0; i < COLUMNS; ++i) {
        sums[i] = acc[i];
    }
}

#define SUMS(kernel, stride)                                                                   \
    MCUCC_CODE static void sums_##kernel##_##stride(const column_input *input, int32_t offset, \
                                                    const int8_t *weights, int32_t *sums)      \
    {                                                                                          \
        sum_columns(input, offset, weights, sums, kernel, stride);                             \
    }

#endif

SUMS(3, 1)
SUMS(3, 2)
SUMS(5, 1)
SUMS(5, 2)
SUMS(7, 1)
SUMS(7, 2)

/* A kernel's constants, and where the outputs at hand begin. */
typedef struct {
    const mcucc_depthwise_columns_params *params;
    column_sums sum;
    int32_t kernel;
    int32_t stride;
    int8_t *out;
} column_block;

/* The weights of a channel as int8. */
MCUCC_INLINE void unpack_channel(const column_block *block, int32_t channel, int8_t *weights,
                                 int32_t bits)
{
    const int32_t taps = block->kernel * block->kernel;
    const int32_t bytes = (taps * bits + 7) / 8;
    const uint8_t *packed = (const uint8_t *)block->params->weights + channel * bytes;
    mcucc_unpack(packed, weights, taps, bits);
}

/* `count` channels from `channel` on, the first bytes of the rows of the input; of their COLUMNS
 * outputs `valid` are stored. */
MCUCC_INLINE void block_channels(const column_block *block, const column_input *input,
                                 int32_t channel, int32_t count, int32_t valid,
                                 mcucc_finish_form form, int32_t bits)
{
    const mcucc_depthwise_columns_params *params = block->params;
    const int32_t taps = block->kernel * block->kernel;
    const int32_t channels = params->channels;
    const int8_t *weights = (const int8_t *)params->weights + channel * taps;
    for (int32_t i = 0; i < count; ++i) {
        const mcucc_finish_channel finish = mcucc_finish_load(&params->finish, channel + i, form);
        int8_t *out = block->out + channel + i;
        int8_t unpacked[LARGEST_KERNEL * LARGEST_KERNEL];
        int32_t sums[COLUMNS];
        if (bits < 8) {
            unpack_channel(block, channel + i, unpacked, bits);
        }
        block->sum(input, i, bits < 8 ? unpacked : weights, sums);
        weights += taps;
        MCUCC_UNROLL
        for (int32_t column = 0; column < valid; ++column) {
            *out = mcucc_finish_sum(sums[column], finish, form);
            out += channels;
        }
    }
}

/* Copy `slice` channels of all columns from `first` on; the first one is `skip` bytes from rows[i].
 * Those outside the input are padding, those from `read` on, which no output needs, anything. */
MCUCC_CODE static void copy_slice(const column_block *block, const int8_t *const *rows,
                                  int32_t first, int32_t read, int32_t skip, int32_t slice,
                                  int8_t *copy)
{
    const mcucc_depthwise_columns_params *params = block->params;
    const int32_t width = (COLUMNS - 1) * block->stride + block->kernel;
    for (int32_t row = 0; row < block->kernel; ++row) {
        const int8_t *const x = rows[row] + skip;
        for (int32_t i = 0; i < width; ++i) {
            const int32_t column = first + i;
            if (i >= read || column < 0 || column >= params->input_width) {
                memset(copy, (int)params->input_zero_point, (size_t)slice);
            } else if (slice == MCUCC_COLUMNS_SLICE) {
                memcpy(copy, x + i * params->channels, MCUCC_COLUMNS_SLICE);
            } else {
                memcpy(copy, x + i * params->channels, (size_t)slice);
            }
            copy += slice;
        }
    }
}

/* A block whose windows leave the input, or that has fewer than COLUMNS outputs. The last slice
 * steps back to end at the last channel. */
MCUCC_INLINE void border_block(const column_block *block, const int8_t *const *rows, int32_t first,
                               int32_t valid, const mcucc_span *span, mcucc_finish_form form,
                               int32_t bits)
{
    const int32_t channels = block->params->channels;
    const int32_t read = (valid - 1) * block->stride + block->kernel;
    const int32_t slice = channels < MCUCC_COLUMNS_SLICE ? channels : MCUCC_COLUMNS_SLICE;
    const int32_t width = (COLUMNS - 1) * block->stride + block->kernel;
    int8_t *const copy = (int8_t *)span->scratch;
    column_input input;
    input.pitch = slice;
    for (int32_t row = 0; row < block->kernel; ++row) {
        input.rows[row] = copy + row * width * slice;
    }
    for (int32_t channel = 0; channel < channels; channel += slice) {
        const int32_t from = channel + slice <= channels ? channel : channels - slice;
        const int32_t skip = (first - span->input_column) * channels + from;
        copy_slice(block, rows, first, read, skip, slice, copy);
        block_channels(block, &input, from, slice, valid, form, bits);
    }
}

MCUCC_INLINE void inner_block(const column_block *block, const int8_t *const *rows, int32_t first,
                              const mcucc_span *span, mcucc_finish_form form, int32_t bits)
{
    const int32_t channels = block->params->channels;
    const int32_t offset = (first - span->input_column) * channels;
    column_input input;
    input.pitch = channels;
    for (int32_t row = 0; row < block->kernel; ++row) {
        input.rows[row] = rows[row] + offset;
    }
    block_channels(block, &input, 0, channels, COLUMNS, form, bits);
}

/* All blocks of a span; the last one steps back to end with it. */
MCUCC_INLINE void depthwise(column_block block, const int8_t *const *rows, int8_t *out,
                            const mcucc_span *span, mcucc_finish_form form, int32_t bits)
{
    const mcucc_depthwise_columns_params *params = block.params;
    const int32_t outputs = span->end - span->begin;
    const int32_t width = (COLUMNS - 1) * block.stride + block.kernel;
    const int32_t valid = outputs < COLUMNS ? outputs : COLUMNS;
    for (int32_t column = 0; column < outputs; column += COLUMNS) {
        const int32_t here = column + valid <= outputs ? column : outputs - valid;
        const int32_t first = (span->begin + here) * block.stride - params->pad_left;
        block.out = out + here * params->channels;
        if (valid == COLUMNS && first >= 0 && first + width <= params->input_width) {
            inner_block(&block, rows, first, span, form, bits);
        } else {
            border_block(&block, rows, first, valid, span, form, bits);
        }
    }
    mcucc_clamp_bytes(out, outputs * params->channels, params->lo, params->hi);
}

#define FORM(name, proved, bits)                                                       \
    MCUCC_OUTLINE void depthwise_##name(column_block block, const int8_t *const *rows, \
                                        int8_t *out, const mcucc_span *span)           \
    {                                                                                  \
        depthwise(block, rows, out, span, proved, bits);                               \
    }

FORM(short, MCUCC_FINISH_SHORT, 8)
FORM(common, MCUCC_FINISH_COMMON, 8)
FORM(shift, MCUCC_FINISH_SHIFT, 8)
FORM(double, MCUCC_FINISH_DOUBLE, 8)
FORM(int4_short, MCUCC_FINISH_SHORT, 4)
FORM(int4_common, MCUCC_FINISH_COMMON, 4)
FORM(int4_shift, MCUCC_FINISH_SHIFT, 4)
FORM(int4_double, MCUCC_FINISH_DOUBLE, 4)
FORM(int2_short, MCUCC_FINISH_SHORT, 2)
FORM(int2_common, MCUCC_FINISH_COMMON, 2)
FORM(int2_shift, MCUCC_FINISH_SHIFT, 2)
FORM(int2_double, MCUCC_FINISH_DOUBLE, 2)

#define DEPTHWISE(kernel, stride, form)                                                       \
    MCUCC_CODE void mcucc_depthwise_columns_##kernel##_##stride##_##form(                     \
        const mcucc_depthwise_columns_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                               \
    {                                                                                         \
        const column_block block = {params, sums_##kernel##_##stride, kernel, stride, out};   \
        depthwise_##form(block, rows, out, span);                                             \
    }

#define FORMS(kernel, stride)              \
    DEPTHWISE(kernel, stride, short)       \
    DEPTHWISE(kernel, stride, common)      \
    DEPTHWISE(kernel, stride, shift)       \
    DEPTHWISE(kernel, stride, double)      \
    DEPTHWISE(kernel, stride, int4_short)  \
    DEPTHWISE(kernel, stride, int4_common) \
    DEPTHWISE(kernel, stride, int4_shift)  \
    DEPTHWISE(kernel, stride, int4_double) \
    DEPTHWISE(kernel, stride, int2_short)  \
    DEPTHWISE(kernel, stride, int2_common) \
    DEPTHWISE(kernel, stride, int2_shift)  \
    DEPTHWISE(kernel, stride, int2_double)

FORMS(3, 1)
FORMS(3, 2)
FORMS(5, 1)
FORMS(5, 2)
FORMS(7, 1)
FORMS(7, 2)
