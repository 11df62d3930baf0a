#include "mcucc/conv2d_pairs.h"

#include "mcucc/packed.h"
#include "mcucc/pairs.h"

#define LANE 16
#define CHANNELS 2

/* All chunks of two pixels for two channels. A total is the sum of all chunks modulo 2^32, a high
 * sum that of their high lanes; the low lanes' sum follows from both. */
#if defined(__ARM_ARCH_6M__) && defined(__GNUC__)

/* Eight registers: a word of weights is taken apart by shifts. Sums of chunks are in r2 and r3,
 * totals in r8 and r10, high sums in r9 and r11; r7 is free. */
/* clang-format off */
#define STRING(text) #text

/* r0: the next inputs, r1: the next weights, ip: the end of the chunk's */
#define BODY_INT8                                           \
    "ldmia r0!, {r4, r5}\n"                                 \
    "ldmia r1!, {r6}\n"                                     \
    "sxtb r7, r6\n"                                         \
    "muls r7, r4\n"                                         \
    "adds r2, r2, r7\n"                                     \
    "asrs r6, r6, #8\n"                                     \
    "sxtb r7, r6\n"                                         \
    "muls r7, r4\n"                                         \
    "adds r3, r3, r7\n"                                     \
    "asrs r6, r6, #8\n"                                     \
    "sxtb r7, r6\n"                                         \
    "muls r7, r5\n"                                         \
    "adds r2, r2, r7\n"                                     \
    "asrs r6, r6, #8\n"                                     \
    "muls r6, r5\n"                                         \
    "adds r3, r3, r6\n"

/* A field whose highest bit is `left` bits below that of the word, times an input. */
#define FIELD(left, bits, x, sum)                           \
    "lsls r7, r6, #" STRING(left) "\n"                      \
    "asrs r7, r7, #32 - " STRING(bits) "\n"                 \
    "muls r7, " x "\n"                                      \
    "adds " sum ", " sum ", r7\n"
#define TAP(left, next, bits, x) FIELD(left, bits, x, "r2") FIELD(next, bits, x, "r3")

#define BODY_INT4                                           \
    "ldmia r0!, {r4, r5}\n"                                 \
    "ldmia r1!, {r6}\n"                                     \
    TAP(28, 24, 4, "r4") TAP(20, 16, 4, "r5")               \
    "ldmia r0!, {r4, r5}\n"                                 \
    TAP(12, 8, 4, "r4") FIELD(4, 4, "r5", "r2")             \
    "asrs r6, r6, #28\n"                                    \
    "muls r6, r5\n"                                         \
    "adds r3, r3, r6\n"

#define BODY_INT2                                           \
    "ldmia r0!, {r4, r5}\n"                                 \
    "ldmia r1!, {r6}\n"                                     \
    TAP(30, 28, 2, "r4") TAP(26, 24, 2, "r5")               \
    "ldmia r0!, {r4, r5}\n"                                 \
    TAP(22, 20, 2, "r4") TAP(18, 16, 2, "r5")               \
    "ldmia r0!, {r4, r5}\n"                                 \
    TAP(14, 12, 2, "r4") TAP(10, 8, 2, "r5")                \
    "ldmia r0!, {r4, r5}\n"                                 \
    TAP(6, 4, 2, "r4") FIELD(2, 2, "r5", "r2")              \
    "asrs r6, r6, #30\n"                                    \
    "muls r6, r5\n"                                         \
    "adds r3, r3, r6\n"

/* Sums of packed weights are in their steps. */
#define SCALE_INT8
#define SCALE_INT4 SCALE(4)
#define SCALE_INT2 SCALE(6)
#define SCALE(shift)                                        \
    "lsls r4, r4, #" STRING(shift) "\n"                     \
    "lsls r5, r5, #" STRING(shift) "\n"                     \
    "lsls r6, r6, #" STRING(shift) "\n"                     \
    "lsls r7, r7, #" STRING(shift) "\n"

#define SUM_CHUNKS(name, BODY, TO_WEIGHTS)                                      \
    MCUCC_ASSEMBLY_LOCAL(void, name,                                            \
        (const uint32_t *x MCUCC_UNUSED, const void *weights MCUCC_UNUSED,      \
         const uint8_t *lengths MCUCC_UNUSED, int32_t chunks MCUCC_UNUSED,      \
         mcucc_pair_sum *sums MCUCC_UNUSED),                                    \
        ".syntax unified\n"                                                     \
        "push {r4-r7, lr}\n"                                                    \
        "mov r4, r8\n"                                                          \
        "mov r5, r9\n"                                                          \
        "mov r6, r10\n"                                                         \
        "mov r7, r11\n"                                                         \
        "push {r4-r7}\n"                                                        \
        "mov lr, r2\n"                                                          \
        "adds r2, r3\n"                                                         \
        "push {r2}\n" /* the end of the lengths */                              \
        "lsls r3, r3, #15\n"                                                    \
        "negs r3, r3\n"                                                         \
        "mov r8, r3\n"                                                          \
        "mov r10, r3\n"                                                         \
        "movs r3, #0\n"                                                         \
        "mov r9, r3\n"                                                          \
        "mov r11, r3\n"                                                         \
        "1:\n"                                                                  \
        "mov r7, lr\n"                                                          \
        "ldrb r6, [r7]\n"                                                       \
        "adds r7, #1\n"                                                         \
        "mov lr, r7\n"                                                          \
        "add r6, r1\n"                                                          \
        "mov ip, r6\n"                                                          \
        "movs r2, #128\n"                                                       \
        "lsls r2, r2, #8\n"                                                     \
        "movs r3, r2\n"                                                         \
        "2:\n"                                                                  \
        BODY                                                                    \
        "cmp r1, ip\n"                                                          \
        "bne 2b\n"                                                              \
        "add r8, r2\n"                                                          \
        "asrs r2, r2, #16\n"                                                    \
        "add r9, r2\n"                                                          \
        "add r10, r3\n"                                                         \
        "asrs r3, r3, #16\n"                                                    \
        "add r11, r3\n"                                                         \
        "ldr r7, [sp]\n"                                                        \
        "cmp r7, lr\n"                                                          \
        "bne 1b\n"                                                              \
        "ldr r0, [sp, #40]\n"                                                   \
        "mov r4, r8\n"                                                          \
        "mov r5, r9\n"                                                          \
        "lsls r3, r5, #16\n"                                                    \
        "subs r4, r4, r3\n"                                                     \
        "mov r6, r10\n"                                                         \
        "mov r7, r11\n"                                                         \
        "lsls r3, r7, #16\n"                                                    \
        "subs r6, r6, r3\n"                                                     \
        TO_WEIGHTS                                                              \
        "stmia r0!, {r4-r7}\n"                                                  \
        "pop {r3-r7}\n"                                                         \
        "mov r8, r4\n"                                                          \
        "mov r9, r5\n"                                                          \
        "mov r10, r6\n"                                                         \
        "mov r11, r7\n"                                                         \
        "pop {r4-r7, pc}\n")

SUM_CHUNKS(sum_chunks, BODY_INT8, SCALE_INT8)
SUM_CHUNKS(sum_chunks_int4, BODY_INT4, SCALE_INT4)
SUM_CHUNKS(sum_chunks_int2, BODY_INT2, SCALE_INT2)
/* clang-format on */

#else

#define HALF \
    ((uint32_t)1 << (LANE - 1)) /* makes the low lane positive: no borrow from the high one */

MCUCC_INLINE uint32_t multiply(uint32_t pixels, int32_t weight)
{
    return pixels * (uint32_t)weight;
}

MCUCC_INLINE mcucc_pair_sum split(uint32_t total, int32_t high)
{
    const mcucc_pair_sum sum = {(int32_t)(total - ((uint32_t)high << LANE)), high};
    return sum;
}

/* The sum of one chunk for each channel, and of all before it. */
typedef struct {
    uint32_t even;
    uint32_t odd;
    uint32_t even_total;
    uint32_t odd_total;
    int32_t even_high;
    int32_t odd_high;
} chunk_sums;

MCUCC_INLINE chunk_sums chunks_start(int32_t chunks)
{
    const uint32_t total = 0u - (uint32_t)chunks * HALF;
    const chunk_sums sums = {HALF, HALF, total, total, 0, 0};
    return sums;
}

MCUCC_INLINE void chunk_end(chunk_sums *sums)
{
    sums->even_total += sums->even;
    sums->odd_total += sums->odd;
    sums->even_high += (int32_t)sums->even >> LANE;
    sums->odd_high += (int32_t)sums->odd >> LANE;
    sums->even = HALF;
    sums->odd = HALF;
}

MCUCC_CODE static void sum_chunks(const uint32_t *x, const void *weights, const uint8_t *lengths,
                                  int32_t chunks, mcucc_pair_sum *sums)
{
    const int8_t *w = (const int8_t *)weights;
    chunk_sums at = chunks_start(chunks);
    for (int32_t chunk = 0; chunk < chunks; ++chunk) {
        const int8_t *const end = w + lengths[chunk];
        for (; w < end; w += 4) {
            at.even += multiply(x[0], w[0]);
            at.odd += multiply(x[0], w[1]);
            at.even += multiply(x[1], w[2]);
            at.odd += multiply(x[1], w[3]);
            x += 2;
        }
        chunk_end(&at);
    }
    sums[0] = split(at.even_total, at.even_high);
    sums[1] = split(at.odd_total, at.odd_high);
}

MCUCC_INLINE void sum_packed(const uint32_t *x, const uint32_t *w, const uint8_t *lengths,
                             int32_t chunks, mcucc_pair_sum *sums, int32_t bits)
{
    const int32_t taps = 16 / bits; /* of a word, for two channels */
    chunk_sums at = chunks_start(chunks);
    for (int32_t chunk = 0; chunk < chunks; ++chunk) {
        const uint32_t *const end = w + lengths[chunk] / 4;
        for (; w < end; ++w) {
            MCUCC_UNROLL
            for (int32_t tap = 0; tap < taps; ++tap) {
                at.even += multiply(x[tap], mcucc_packed_field(*w, 2 * tap, bits));
                at.odd += multiply(x[tap], mcucc_packed_field(*w, 2 * tap + 1, bits));
            }
            x += taps;
        }
        chunk_end(&at);
    }
    sums[0] = split(at.even_total, at.even_high);
    sums[1] = split(at.odd_total, at.odd_high);
    MCUCC_UNROLL
    for (int32_t i = 0; i < CHANNELS; ++i) {
        sums[i].p *= MCUCC_PACKED_STEP(bits);
        sums[i].q *= MCUCC_PACKED_STEP(bits);
    }
}

MCUCC_CODE static void sum_chunks_int4(const uint32_t *x, const void *weights,
                                       const uint8_t *lengths, int32_t chunks, mcucc_pair_sum *sums)
{
    sum_packed(x, (const uint32_t *)weights, lengths, chunks, sums, 4);
}

MCUCC_CODE static void sum_chunks_int2(const uint32_t *x, const void *weights,
                                       const uint8_t *lengths, int32_t chunks, mcucc_pair_sum *sums)
{
    sum_packed(x, (const uint32_t *)weights, lengths, chunks, sums, 2);
}

#endif

typedef void (*chunk_summer)(const uint32_t *x, const void *weights, const uint8_t *lengths,
                             int32_t chunks, mcucc_pair_sum *sums);

/* All output channels of two pixels. */
MCUCC_INLINE void channels(const mcucc_conv2d_pairs_params *params, const uint32_t *words,
                           int8_t *out_p, int8_t *out_q, chunk_summer sum, int32_t bits,
                           mcucc_finish_form form)
{
    const int32_t outputs = params->output_channels;
    const uint8_t *weights = (const uint8_t *)params->weights;
    const uint16_t *chunks = params->chunks;
    const uint8_t *lengths = params->lengths;
    int32_t sharing = params->share;
    /* What SHORT needs fits the registers; of other forms an Armv6-M would have to spill it. */
    const mcucc_finish_tables copy = params->finish;
    const mcucc_finish_tables *const tables = form == MCUCC_FINISH_SHORT ? &copy : &params->finish;
    for (int32_t channel = 0; channel < outputs; channel += CHANNELS) {
        mcucc_pair_sum sums[CHANNELS];
        sum(words, weights, lengths, *chunks, sums);
        weights += CHANNELS * params->taps * bits / 8;
        if (--sharing == 0) {
            lengths += *chunks++;
            sharing = params->share;
        }
        const mcucc_pair_outputs at = {tables, sums, channel, out_p + channel, out_q + channel};
        if (outputs - channel >= CHANNELS) {
            mcucc_pair_finish(&at, CHANNELS, form);
        } else {
            mcucc_pair_finish(&at, outputs - channel, form);
        }
    }
}

MCUCC_INLINE void conv2d(const mcucc_conv2d_pairs_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span, chunk_summer sum, int32_t bits,
                         mcucc_finish_form form)
{
    uint32_t *const words = (uint32_t *)span->scratch;
    const int32_t outputs = params->output_channels;
    const mcucc_pair_window window = {
        rows,
        params->kernel_h,
        params->kernel_w,
        params->dilation_w,
        params->input_channels,
        params->input_width,
        span->input_column,
        params->input_zero_point,
    };
    mcucc_pair_columns columns =
        mcucc_pair_start(&window, span, params->stride_w, params->pad_left);
    int8_t *const start = out;
    words[params->taps - 1] = 0;
    while (mcucc_pair_next(&columns, &window, words, LANE)) {
        channels(params, words, out, out + columns.two * outputs, sum, bits, form);
        out += 2 * outputs;
    }
    mcucc_clamp_bytes(start, (span->end - span->begin) * outputs, params->lo, params->hi);
}

#define CONV2D(name, sum, bits, form)                                                  \
    MCUCC_CODE void mcucc_conv2d_pairs_##name(const mcucc_conv2d_pairs_params *params, \
                                              const int8_t *const *rows, int8_t *out,  \
                                              const mcucc_span *span)                  \
    {                                                                                  \
        conv2d(params, rows, out, span, sum, bits, form);                              \
    }

CONV2D(short, sum_chunks, 8, MCUCC_FINISH_SHORT)
CONV2D(common, sum_chunks, 8, MCUCC_FINISH_COMMON)
CONV2D(shift, sum_chunks, 8, MCUCC_FINISH_SHIFT)
CONV2D(double, sum_chunks, 8, MCUCC_FINISH_DOUBLE)
CONV2D(int4_short, sum_chunks_int4, 4, MCUCC_FINISH_SHORT)
CONV2D(int4_common, sum_chunks_int4, 4, MCUCC_FINISH_COMMON)
CONV2D(int4_shift, sum_chunks_int4, 4, MCUCC_FINISH_SHIFT)
CONV2D(int4_double, sum_chunks_int4, 4, MCUCC_FINISH_DOUBLE)
CONV2D(int2_short, sum_chunks_int2, 2, MCUCC_FINISH_SHORT)
CONV2D(int2_common, sum_chunks_int2, 2, MCUCC_FINISH_COMMON)
CONV2D(int2_shift, sum_chunks_int2, 2, MCUCC_FINISH_SHIFT)
CONV2D(int2_double, sum_chunks_int2, 2, MCUCC_FINISH_DOUBLE)
