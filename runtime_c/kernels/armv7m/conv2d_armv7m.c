#include "mcucc/conv2d_armv7m.h"

#include "mcucc/pairs.h"

#define LANE 23
#define CHANNELS 4

/* All taps of two pixels for four channels; `taps` fill whole words of weights and are not 0. */
#if MCUCC_THUMB2

/* clang-format off */
#define TAP(first, second, third, fourth)                   \
    "ldr r3, [r0], #4\n"                                    \
    "ldrsb ip, [r1, #" first "]\n"                          \
    "ldrsb lr, [r1, #" second "]\n"                         \
    "smlal r4, r5, r3, ip\n"                                \
    "smlal r6, r7, r3, lr\n"                                \
    "ldrsb ip, [r1, #" third "]\n"                          \
    "ldrsb lr, [r1, #" fourth "\n"                          \
    "smlal r8, r9, r3, ip\n"                                \
    "smlal r10, r11, r3, lr\n"

/* A tap of packed weights: fields of the word in lr from bit `place` on. */
#define FIELD(place, at, bits, low, high)                   \
    "sbfx ip, lr, #" #place "+" #at "*" #bits ", #" #bits "\n" \
    "smlal " low ", " high ", r3, ip\n"
#define PACKED_TAP(place, bits)                             \
    "ldr r3, [r0], #4\n"                                    \
    FIELD(place, 0, bits, "r4", "r5")                       \
    FIELD(place, 1, bits, "r6", "r7")                       \
    FIELD(place, 2, bits, "r8", "r9")                       \
    FIELD(place, 3, bits, "r10", "r11")
#define WORD "ldr lr, [r1], #4\n"
#define TAPS_8 TAP("0", "1", "2", "3]") TAP("4", "5", "6", "7]") "adds r1, #8\n"
#define TAPS_4 WORD PACKED_TAP(0, 4) PACKED_TAP(16, 4)
#define TAPS_2 WORD PACKED_TAP(0, 2) PACKED_TAP(8, 2) PACKED_TAP(16, 2) PACKED_TAP(24, 2)

/* low, high: the lanes, to q and p */
#define LANES(low, high)                                    \
    "lsrs r2, " low ", #23\n"                               \
    "orr " high ", r2, " high ", lsl #9\n"                  \
    "ubfx " low ", " low ", #0, #23\n"                      \
    "sub " low ", " low ", #0x400000\n"

/* Sums of packed weights are in steps of them. */
#define STEPS_8 ""
#define STEPS_OF(shift)                                     \
    "lsl r4, r4, #" shift "\n"                              \
    "lsl r5, r5, #" shift "\n"                              \
    "lsl r6, r6, #" shift "\n"                              \
    "lsl r7, r7, #" shift "\n"                              \
    "lsl r8, r8, #" shift "\n"                              \
    "lsl r9, r9, #" shift "\n"                              \
    "lsl r10, r10, #" shift "\n"                            \
    "lsl r11, r11, #" shift "\n"
#define STEPS_4 STEPS_OF("4")
#define STEPS_2 STEPS_OF("6")

#define SUM_TAPS(bits)                                      \
    MCUCC_ASSEMBLY_LOCAL(void, sum_taps_##bits,             \
    (const uint32_t *x MCUCC_UNUSED, const int8_t *w MCUCC_UNUSED, \
     int32_t taps MCUCC_UNUSED, mcucc_pair_sum *sums MCUCC_UNUSED), \
    "push {r3-r11, lr}\n"                                   \
    "add r2, r0, r2, lsl #2\n"                              \
    "mov r4, #0x400000\n"                                   \
    "movs r5, #0\n"                                         \
    "mov r6, r4\n"                                          \
    "movs r7, #0\n"                                         \
    "mov r8, r4\n"                                          \
    "mov r9, r5\n"                                          \
    "mov r10, r4\n"                                         \
    "mov r11, r5\n"                                         \
    "1:\n"                                                  \
    TAPS_##bits                                             \
    "cmp r0, r2\n"                                          \
    "bne 1b\n"                                              \
    LANES("r4", "r5")                                       \
    LANES("r6", "r7")                                       \
    LANES("r8", "r9")                                       \
    LANES("r10", "r11")                                     \
    STEPS_##bits                                            \
    "pop {r3}\n"                                            \
    "stmia r3, {r4-r11}\n"                                  \
    "pop {r4-r11, pc}\n")
/* clang-format on */

#else

#define HALF (1 << (LANE - 1)) /* makes the low lane positive: no borrow from the high one */

/* Weight `i`, in steps of its bits. */
MCUCC_INLINE int32_t weight(const int8_t *w, int32_t i, int32_t bits)
{
    const uint32_t byte = (uint8_t)w[i * bits / 8];
    const int32_t up = 8 - bits - i * bits % 8;
    return (int8_t)(uint8_t)(byte << up) >> (8 - bits);
}

MCUCC_INLINE void sum_taps(const uint32_t *x, const int8_t *w, int32_t taps, mcucc_pair_sum *sums,
                           int32_t bits)
{
    const int32_t step = 1 << (8 - bits);
    int64_t acc[CHANNELS] = {HALF, HALF, HALF, HALF};
    for (int32_t tap = 0; tap < taps; ++tap) {
        for (int32_t i = 0; i < CHANNELS; ++i) {
            acc[i] += (int64_t)(int32_t)x[tap] * weight(w, CHANNELS * tap + i, bits);
        }
    }
    for (int32_t i = 0; i < CHANNELS; ++i) {
        sums[i].p = step * ((int32_t)(acc[i] & ((1 << LANE) - 1)) - HALF);
        sums[i].q = step * (int32_t)(acc[i] >> LANE);
    }
}

#define SUM_TAPS(bits)                                                                       \
    MCUCC_CODE static void sum_taps_##bits(const uint32_t *x, const int8_t *w, int32_t taps, \
                                           mcucc_pair_sum *sums)                             \
    {                                                                                        \
        sum_taps(x, w, taps, sums, bits);                                                    \
    }

#endif

SUM_TAPS(8)
SUM_TAPS(4)
SUM_TAPS(2)

/* All output channels of two pixels. */
MCUCC_INLINE void channels(const mcucc_conv2d_armv7m_params *params, const uint32_t *words,
                           int8_t *out_p, int8_t *out_q, int32_t bits, mcucc_finish_form form)
{
    const int32_t outputs = params->output_channels;
    const int8_t *weights = params->weights;
    const mcucc_finish_tables tables = params->finish; /* stores of outputs do not change it */
    for (int32_t channel = 0; channel < outputs; channel += CHANNELS) {
        mcucc_pair_sum sums[CHANNELS];
        (bits == 8   ? sum_taps_8
         : bits == 4 ? sum_taps_4
                     : sum_taps_2)(words, weights, params->taps, sums);
        weights += CHANNELS * params->taps * bits / 8;
        const mcucc_pair_outputs at = {&tables, sums, channel, out_p + channel, out_q + channel};
        if (outputs - channel >= CHANNELS) {
            mcucc_pair_finish(&at, CHANNELS, form);
        } else {
            mcucc_pair_finish(&at, outputs - channel, form);
        }
    }
}

MCUCC_INLINE void conv2d(const mcucc_conv2d_armv7m_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span, int32_t bits, mcucc_finish_form form)
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
    if (bits == 2) {
        words[params->taps - 2] = 0;
        words[params->taps - 3] = 0;
    }
    while (mcucc_pair_next(&columns, &window, words, LANE)) {
        channels(params, words, out, out + columns.two * outputs, bits, form);
        out += 2 * outputs;
    }
    mcucc_clamp_bytes(start, (span->end - span->begin) * outputs, params->lo, params->hi);
}

#define KERNEL(name, bits, form)                                                         \
    MCUCC_CODE void mcucc_conv2d_armv7m_##name(const mcucc_conv2d_armv7m_params *params, \
                                               const int8_t *const *rows, int8_t *out,   \
                                               const mcucc_span *span)                   \
    {                                                                                    \
        conv2d(params, rows, out, span, bits, form);                                     \
    }
#define FORMS(bits, prefix)                           \
    KERNEL(prefix##short, bits, MCUCC_FINISH_SHORT)   \
    KERNEL(prefix##common, bits, MCUCC_FINISH_COMMON) \
    KERNEL(prefix##shift, bits, MCUCC_FINISH_SHIFT)   \
    KERNEL(prefix##double, bits, MCUCC_FINISH_DOUBLE)

FORMS(8, )
FORMS(4, int4_)
FORMS(2, int2_)
