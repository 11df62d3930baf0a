#include "mcucc/depthwise_rows_bytes_armv7em.h"

#include "mcucc/depthwise_parts_armv7em.h"

#if MCUCC_DSP

/* clang-format off */
/* Two words of bytes to four pairs. */
#define PAIRS(first, second)                        \
    "sxtb16 r4, " first "\n"                        \
    "sxtb16 r5, " first ", ror #8\n"                \
    "sxtb16 r6, " second "\n"                       \
    "sxtb16 r7, " second ", ror #8\n"

/* The bottom of one pair and the top of another: of (w0, w1) and (w2, w3) it is (w1, w2). */
#define BETWEEN(r, left, right)                     \
    "lsr " r ", " left ", #16\n"                    \
    "pkhbt " r ", " r ", " right ", lsl #16\n"

/* The pairs of the rows, (w0, w1) of the last one; then w2 and the bias. */
#define CONSTANTS_3                                 \
    "ldmia r12!, {r1, r2, r3, r8}\n"                \
    "asr r0, r8, #8\n"                              \
    "strd r0, r1, [sp, #28]\n"                      \
    PAIRS("r2", "r3")                               \
    "sxtb r8, r8\n"                                 \
    "lsr r9, r7, #16\n"                             \
    "pkhbt r8, r9, r8, lsl #16\n"

/* Larger ones are unpacked to the frame, as the planes' stream has them. */
#define FOUR                                        \
    "ldrd r0, r1, [r12], #8\n"                      \
    PAIRS("r0", "r1")                               \
    "stmia r9!, {r4, r5, r6, r7}\n"
#define CONSTANTS(fours, last)                      \
    "ldr r3, [r12], #4\n"                           \
    "add r9, sp, #56\n"                             \
    fours                                           \
    "ldr r0, [r12], #4\n"                           \
    "asr r2, r0, #8\n"                              \
    "strd r2, r3, [sp, #28]\n"                      \
    "sxtb r0, r0\n"                                 \
    last                                            \
    "str r12, [sp, #8]\n"
#define CONSTANTS_5                                 \
    CONSTANTS(FOUR FOUR FOUR,                       \
        BETWEEN("r4", "r6", "r7")                   \
        BETWEEN("r5", "r7", "r0")                   \
        "stmia r9!, {r4, r5}\n")
#define CONSTANTS_7                                 \
    CONSTANTS(FOUR FOUR FOUR FOUR FOUR FOUR,        \
        BETWEEN("r4", "r5", "r6")                   \
        BETWEEN("r5", "r6", "r7")                   \
        BETWEEN("r6", "r7", "r0")                   \
        "stmia r9!, {r4, r5, r6}\n")

#define LARGE(kernel, pair, last, stride, finish)                            \
    ROWS_LARGE("4*(" #kernel "*(" #kernel "/2) + " #kernel " - 1)", LAYER,   \
               CONSTANTS_##kernel, "add r12, sp, #56\n", "ldr r12, [sp, #8]\n", \
               kernel, pair, last, stride, finish)

#define FUNCTION(kernel, stride, form, body)                                      \
    MCUCC_ASSEMBLY(void, mcucc_depthwise_rows_bytes_##kernel##_##stride##_##form, \
        (const mcucc_depthwise_block *block MCUCC_UNUSED),                        \
        body)
#define FORMS_3(stride, taps)                                                     \
    FUNCTION(3, stride, high, ROWS_3(LAYER, CONSTANTS_3, taps, stride, HIGH))     \
    FUNCTION(3, stride, common, ROWS_3(LAYER, CONSTANTS_3, taps, stride, SHIFT))
#define FORMS(kernel, stride, pair, last)                                         \
    FUNCTION(kernel, stride, high, LARGE(kernel, pair, last, stride, HIGH))       \
    FUNCTION(kernel, stride, common, LARGE(kernel, pair, last, stride, SHIFT))
/* clang-format on */

FORMS_3(1, TAPS_3_1)
FORMS_3(2, TAPS_3_2)
FORMS(5, 1, PAIR_5_1, LAST_5_1)
FORMS(5, 2, PAIR_5_2, LAST_5_2)
FORMS(7, 1, PAIR_7_1, LAST_7_1)
FORMS(7, 2, PAIR_7_2, LAST_7_2)

#else

/* The pairs of a channel as the planes' stream has them. */
static void unpack(uint32_t *pairs, const uint32_t *bytes, int32_t kernel)
{
    const int32_t half = kernel / 2;
    const int32_t stored = kernel * half + half;
    uint32_t *last = pairs + kernel * half;
    for (int32_t i = 0; i < stored; i += 2) {
        const uint32_t word = *bytes++;
        pairs[i] = mcucc_even_bytes(word);
        pairs[i + 1] = mcucc_odd_bytes(word);
    }
    for (int32_t i = 0; i < half; ++i) {
        const int32_t right = i + 1 < half ? mcucc_bottom(last[i + 1]) : (int8_t)(uint8_t)*bytes;
        last[half + i] = mcucc_pair(mcucc_top(last[i]), right);
    }
}

MCUCC_INLINE void all_outputs(const mcucc_depthwise_block *block, int32_t kernel, int32_t stride,
                              mcucc_form form)
{
    const int32_t words = (kernel * kernel + 3) / 4; /* of weights and bias */
    const uint32_t *stream = block->stream;
    for (int32_t channel = 0; channel < MCUCC_PLANE_WORDS; ++channel) {
        uint32_t pairs[MOST_WEIGHT_WORDS];
        const channel_constants constants = {
            (int32_t)stream[words] >> 8, {(int32_t)stream[0], block->addend, block->shift}, pairs};
        unpack(pairs, stream + 1, kernel);
        channel_outputs(block, channel, &constants, kernel, stride, form);
        stream += 1 + words;
    }
}

#define FUNCTION(kernel, stride, form, FORM)                      \
    void mcucc_depthwise_rows_bytes_##kernel##_##stride##_##form( \
        const mcucc_depthwise_block *block)                       \
    {                                                             \
        all_outputs(block, kernel, stride, FORM);                 \
    }
#define FORMS(kernel, stride)                       \
    FUNCTION(kernel, stride, high, MCUCC_FORM_HIGH) \
    FUNCTION(kernel, stride, common, MCUCC_FORM_COMMON)

FORMS(3, 1)
FORMS(3, 2)
FORMS(5, 1)
FORMS(5, 2)
FORMS(7, 1)
FORMS(7, 2)

#endif
