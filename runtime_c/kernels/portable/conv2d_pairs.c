#include "mcucc/conv2d_pairs.h"

#include "mcucc/pairs.h"

#define LANE 16
#define CHANNELS 2
#define HALF \
    ((uint32_t)1 << (LANE - 1)) /* makes the low lane positive: no borrow from the high one */

/* All chunks of two pixels for two channels. A total is the sum of all chunks modulo 2^32, a high
 * sum that of their high lanes; the low lanes' sum follows from both. */
#if defined(__ARM_ARCH_6M__) && defined(__GNUC__)

/* Eight registers: four weights are loaded as a word and taken apart by shifts. Sums of chunks are
 * in r2 and r3, totals in r8 and r10, high sums in r9 and r11. */
/* clang-format off */
MCUCC_ASSEMBLY_LOCAL(void, sum_chunks,
    (const uint32_t *x MCUCC_UNUSED, const int8_t *w MCUCC_UNUSED,
     const uint8_t *lengths MCUCC_UNUSED, int32_t chunks MCUCC_UNUSED,
     mcucc_pair_sum *sums MCUCC_UNUSED),
    ".syntax unified\n"
    "push {r4-r7, lr}\n"
    "mov r4, r8\n"
    "mov r5, r9\n"
    "mov r6, r10\n"
    "mov r7, r11\n"
    "push {r4-r7}\n"
    "mov lr, r2\n"
    "adds r2, r3\n"
    "push {r2}\n" /* the end of the lengths */
    "lsls r3, r3, #15\n"
    "negs r3, r3\n"
    "mov r8, r3\n"
    "mov r10, r3\n"
    "movs r3, #0\n"
    "mov r9, r3\n"
    "mov r11, r3\n"
    "1:\n"
    "mov r7, lr\n"
    "ldrb r6, [r7]\n"
    "adds r7, #1\n"
    "mov lr, r7\n"
    "add r6, r1\n"
    "mov ip, r6\n"
    "movs r2, #128\n"
    "lsls r2, r2, #8\n"
    "movs r3, r2\n"
    "2:\n"
    "ldmia r0!, {r4, r5}\n"
    "ldmia r1!, {r6}\n"
    "sxtb r7, r6\n"
    "muls r7, r4\n"
    "adds r2, r2, r7\n"
    "asrs r6, r6, #8\n"
    "sxtb r7, r6\n"
    "muls r7, r4\n"
    "adds r3, r3, r7\n"
    "asrs r6, r6, #8\n"
    "sxtb r7, r6\n"
    "muls r7, r5\n"
    "adds r2, r2, r7\n"
    "asrs r6, r6, #8\n"
    "muls r6, r5\n"
    "adds r3, r3, r6\n"
    "cmp r1, ip\n"
    "bne 2b\n"
    "add r8, r2\n"
    "asrs r2, r2, #16\n"
    "add r9, r2\n"
    "add r10, r3\n"
    "asrs r3, r3, #16\n"
    "add r11, r3\n"
    "ldr r7, [sp]\n"
    "cmp r7, lr\n"
    "bne 1b\n"
    "ldr r0, [sp, #40]\n"
    "mov r4, r8\n"
    "mov r5, r9\n"
    "lsls r3, r5, #16\n"
    "subs r4, r4, r3\n"
    "mov r6, r10\n"
    "mov r7, r11\n"
    "lsls r3, r7, #16\n"
    "subs r6, r6, r3\n"
    "stmia r0!, {r4-r7}\n"
    "pop {r3-r7}\n"
    "mov r8, r4\n"
    "mov r9, r5\n"
    "mov r10, r6\n"
    "mov r11, r7\n"
    "pop {r4-r7, pc}\n")
/* clang-format on */

#else

MCUCC_INLINE uint32_t multiply(uint32_t pixels, int32_t weight)
{
    return pixels * (uint32_t)weight;
}

MCUCC_INLINE mcucc_pair_sum split(uint32_t total, int32_t high)
{
    const mcucc_pair_sum sum = {(int32_t)(total - ((uint32_t)high << LANE)), high};
    return sum;
}

static void sum_chunks(const uint32_t *x, const int8_t *w, const uint8_t *lengths, int32_t chunks,
                       mcucc_pair_sum *sums)
{
    uint32_t even_total = 0u - (uint32_t)chunks * HALF;
    uint32_t odd_total = even_total;
    int32_t even_high = 0;
    int32_t odd_high = 0;
    for (int32_t chunk = 0; chunk < chunks; ++chunk) {
        const int8_t *const end = w + lengths[chunk];
        uint32_t even = HALF;
        uint32_t odd = HALF;
        for (; w < end; w += 4) {
            even += multiply(x[0], w[0]);
            odd += multiply(x[0], w[1]);
            even += multiply(x[1], w[2]);
            odd += multiply(x[1], w[3]);
            x += 2;
        }
        even_total += even;
        odd_total += odd;
        even_high += (int32_t)even >> LANE;
        odd_high += (int32_t)odd >> LANE;
    }
    sums[0] = split(even_total, even_high);
    sums[1] = split(odd_total, odd_high);
}

#endif

/* All output channels of two pixels. */
MCUCC_INLINE void channels(const mcucc_conv2d_pairs_params *params, const uint32_t *words,
                           int8_t *out_p, int8_t *out_q, mcucc_finish_form form)
{
    const int32_t outputs = params->output_channels;
    const int8_t *weights = params->weights;
    const uint16_t *chunks = params->chunks;
    const uint8_t *lengths = params->lengths;
    const mcucc_finish_tables tables = {params->bias, params->multiplier, params->shift,
                                        params->output_zero_point};
    for (int32_t channel = 0; channel < outputs; channel += CHANNELS) {
        mcucc_pair_sum sums[CHANNELS];
        sum_chunks(words, weights, lengths, *chunks, sums);
        weights += CHANNELS * params->taps;
        lengths += *chunks++;
        const mcucc_pair_outputs at = {&tables, sums, channel, out_p + channel, out_q + channel};
        if (outputs - channel >= CHANNELS) {
            mcucc_pair_finish(&at, CHANNELS, form);
        } else {
            mcucc_pair_finish(&at, outputs - channel, form);
        }
    }
}

MCUCC_INLINE void conv2d(const mcucc_conv2d_pairs_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span, mcucc_finish_form form)
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
        channels(params, words, out, out + columns.two * outputs, form);
        out += 2 * outputs;
    }
    mcucc_clamp_bytes(start, (span->end - span->begin) * outputs, params->lo, params->hi);
}

void mcucc_conv2d_pairs_short(const mcucc_conv2d_pairs_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FINISH_SHORT);
}

void mcucc_conv2d_pairs_shift(const mcucc_conv2d_pairs_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FINISH_SHIFT);
}

void mcucc_conv2d_pairs_double(const mcucc_conv2d_pairs_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FINISH_DOUBLE);
}
