#include "mcucc/conv2d_armv7m.h"

#include "mcucc/pairs.h"

#define LANE 23
#define HALF (1 << (LANE - 1)) /* makes the low lane positive: no borrow from the high one */
#define CHANNELS 4

/* All taps of two pixels for four channels; `taps` is even and not 0. */
#if defined(__GNUC__) && defined(__thumb2__)

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

/* low, high: the lanes, to q and p */
#define LANES(low, high)                                    \
    "lsrs r2, " low ", #23\n"                               \
    "orr " high ", r2, " high ", lsl #9\n"                  \
    "ubfx " low ", " low ", #0, #23\n"                      \
    "sub " low ", " low ", #0x400000\n"

MCUCC_ASSEMBLY_LOCAL(void, sum_taps,
    (const uint32_t *x MCUCC_UNUSED, const int8_t *w MCUCC_UNUSED, int32_t taps MCUCC_UNUSED,
     mcucc_pair_sum *sums MCUCC_UNUSED),
    "push {r3-r11, lr}\n"
    "add r2, r0, r2, lsl #2\n"
    "mov r4, #0x400000\n"
    "movs r5, #0\n"
    "mov r6, r4\n"
    "movs r7, #0\n"
    "mov r8, r4\n"
    "mov r9, r5\n"
    "mov r10, r4\n"
    "mov r11, r5\n"
    "1:\n"
    TAP("0", "1", "2", "3]")
    TAP("4", "5", "6", "7]")
    "adds r1, #8\n"
    "cmp r0, r2\n"
    "bne 1b\n"
    LANES("r4", "r5")
    LANES("r6", "r7")
    LANES("r8", "r9")
    LANES("r10", "r11")
    "pop {r3}\n"
    "stmia r3, {r4-r11}\n"
    "pop {r4-r11, pc}\n")
/* clang-format on */

#else

static void sum_taps(const uint32_t *x, const int8_t *w, int32_t taps, mcucc_pair_sum *sums)
{
    int64_t acc[CHANNELS] = {HALF, HALF, HALF, HALF};
    for (int32_t tap = 0; tap < taps; ++tap) {
        for (int32_t i = 0; i < CHANNELS; ++i) {
            acc[i] += (int64_t)(int32_t)x[tap] * w[i];
        }
        w += CHANNELS;
    }
    for (int32_t i = 0; i < CHANNELS; ++i) {
        sums[i].p = (int32_t)(acc[i] & ((1 << LANE) - 1)) - HALF;
        sums[i].q = (int32_t)(acc[i] >> LANE);
    }
}

#endif

/* All output channels of two pixels. */
MCUCC_INLINE void channels(const mcucc_conv2d_armv7m_params *params, const uint32_t *words,
                           int8_t *out_p, int8_t *out_q, mcucc_finish_form form)
{
    const int32_t outputs = params->output_channels;
    const int8_t *weights = params->weights;
    const mcucc_finish_tables tables = params->finish; /* stores of outputs do not change it */
    for (int32_t channel = 0; channel < outputs; channel += CHANNELS) {
        mcucc_pair_sum sums[CHANNELS];
        sum_taps(words, weights, params->taps, sums);
        weights += CHANNELS * params->taps;
        const mcucc_pair_outputs at = {&tables, sums, channel, out_p + channel, out_q + channel};
        if (outputs - channel >= CHANNELS) {
            mcucc_pair_finish(&at, CHANNELS, form);
        } else {
            mcucc_pair_finish(&at, outputs - channel, form);
        }
    }
}

MCUCC_INLINE void conv2d(const mcucc_conv2d_armv7m_params *params, const int8_t *const *rows,
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

void mcucc_conv2d_armv7m_short(const mcucc_conv2d_armv7m_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FINISH_SHORT);
}

void mcucc_conv2d_armv7m_common(const mcucc_conv2d_armv7m_params *params, const int8_t *const *rows,
                                int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FINISH_COMMON);
}

void mcucc_conv2d_armv7m_shift(const mcucc_conv2d_armv7m_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FINISH_SHIFT);
}

void mcucc_conv2d_armv7m_double(const mcucc_conv2d_armv7m_params *params, const int8_t *const *rows,
                                int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FINISH_DOUBLE);
}
