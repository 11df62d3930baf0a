#include "mcucc/depthwise_rows_bytes_armv7em.h"

#include "mcucc/depthwise_parts_armv7em.h"

#if MCUCC_DSP_UNALIGNED

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
#define CONSTANTS_3(load)                           \
    load                                            \
    "asr r0, r8, #8\n"                              \
    "strd r0, r1, [sp, #28]\n"                      \
    PAIRS("r2", "r3")                               \
    "sxtb r8, r8\n"                                 \
    "lsr r9, r7, #16\n"                             \
    "pkhbt r8, r9, r8, lsl #16\n"
#define BYTES_3 "ldmia r12!, {r1, r2, r3, r8}\n"
#define PACKED_3(mask, first, second)               \
    "ldmia r12!, {r1, r3, r8}\n"                    \
    "mov r9, #" mask "\n"                           \
    "and r2, r9, r3, lsl #" first "\n"              \
    "and r3, r9, r3, lsl #" second "\n"
#define INT4_3 PACKED_3("0xf0f0f0f0", "4", "0")
#define INT2_3 PACKED_3("0xc0c0c0c0", "6", "4")

/* Larger ones are unpacked to the frame, as the planes' stream has them. */
#define FOUR PAIRS("r0", "r1") "stmia r9!, {r4, r5, r6, r7}\n"
#define FOUR_BYTES "ldrd r0, r1, [r12], #8\n" FOUR
#define FOUR_OF(first, second)                      \
    "and r0, r8, r2, lsl #" first "\n"              \
    "and r1, r8, r2, lsl #" second "\n"             \
    FOUR
#define WORD "ldr r2, [r12], #4\n"
#define FOUR_INT4 WORD FOUR_OF("4", "0")
#define FOUR_INT2 WORD FOUR_OF("6", "4")
#define EIGHT_INT2 FOUR_INT2 FOUR_OF("2", "0")
#define BYTES_5 FOUR_BYTES FOUR_BYTES FOUR_BYTES
#define BYTES_7 BYTES_5 BYTES_5
#define FOURS_INT4 FOUR_INT4 FOUR_INT4 FOUR_INT4
#define INT4_5 "mov r8, #0xf0f0f0f0\n" FOURS_INT4
#define INT4_7 INT4_5 FOURS_INT4
#define INT2_5 "mov r8, #0xc0c0c0c0\n" EIGHT_INT2 FOUR_INT2
#define INT2_7 "mov r8, #0xc0c0c0c0\n" EIGHT_INT2 EIGHT_INT2 EIGHT_INT2
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
#define CONSTANTS_5(fours)                          \
    CONSTANTS(fours,                                \
        BETWEEN("r4", "r6", "r7")                   \
        BETWEEN("r5", "r7", "r0")                   \
        "stmia r9!, {r4, r5}\n")
#define CONSTANTS_7(fours)                          \
    CONSTANTS(fours,                                \
        BETWEEN("r4", "r5", "r6")                   \
        BETWEEN("r5", "r6", "r7")                   \
        BETWEEN("r6", "r7", "r0")                   \
        "stmia r9!, {r4, r5, r6}\n")

#define LARGE(constants, kernel, pair, last, stride, finish)                 \
    ROWS_LARGE("4*(" #kernel "*(" #kernel "/2) + " #kernel " - 1)", LAYER,   \
               constants, "add r12, sp, #56\n", "ldr r12, [sp, #8]\n",       \
               kernel, pair, last, stride, finish)

#define FUNCTION(kernel, stride, form, body)                                      \
    MCUCC_ASSEMBLY(void, mcucc_depthwise_rows_bytes_##kernel##_##stride##_##form, \
        (const mcucc_depthwise_block *block MCUCC_UNUSED),                        \
        body)
#define FORMS_3(stride, taps, prefix, load)                                       \
    FUNCTION(3, stride, prefix##high,                                             \
        ROWS_3(LAYER, CONSTANTS_3(load), taps, stride, HIGH))                     \
    FUNCTION(3, stride, prefix##common,                                           \
        ROWS_3(LAYER, CONSTANTS_3(load), taps, stride, SHIFT))
#define FORMS(kernel, stride, pair, last, prefix, fours)                          \
    FUNCTION(kernel, stride, prefix##high,                                        \
        LARGE(CONSTANTS_##kernel(fours), kernel, pair, last, stride, HIGH))       \
    FUNCTION(kernel, stride, prefix##common,                                      \
        LARGE(CONSTANTS_##kernel(fours), kernel, pair, last, stride, SHIFT))
#define STORAGE(prefix, STORED)                                                   \
    FORMS_3(1, TAPS_3_1, prefix, STORED##_3)                                      \
    FORMS_3(2, TAPS_3_2, prefix, STORED##_3)                                      \
    FORMS(5, 1, PAIR_5_1, LAST_5_1, prefix, STORED##_5)                           \
    FORMS(5, 2, PAIR_5_2, LAST_5_2, prefix, STORED##_5)                           \
    FORMS(7, 1, PAIR_7_1, LAST_7_1, prefix, STORED##_7)                           \
    FORMS(7, 2, PAIR_7_2, LAST_7_2, prefix, STORED##_7)
/* clang-format on */

STORAGE(, BYTES)
STORAGE(int4_, INT4)
STORAGE(int2_, INT2)

#else

/* The pairs of a channel as the planes' stream has them; returns its last word. */
MCUCC_CODE static uint32_t unpack(uint32_t *pairs, const uint32_t *stream, int32_t kernel,
                                  int32_t bits)
{
    const int32_t half = kernel / 2;
    const int32_t stored = kernel * half + half;
    const uint32_t mask = (UINT32_C(0xff) >> bits ^ UINT32_C(0xff)) * UINT32_C(0x01010101);
    uint32_t *last = pairs + kernel * half;
    int32_t up = 8 - bits;
    for (int32_t i = 0; i < stored; i += 2) {
        const uint32_t word = *stream << up & mask;
        pairs[i] = mcucc_even_bytes(word);
        pairs[i + 1] = mcucc_odd_bytes(word);
        up -= bits;
        if (up < 0) {
            up = 8 - bits;
            ++stream;
        }
    }
    stream += up < 8 - bits;
    for (int32_t i = 0; i < half; ++i) {
        const int32_t right = i + 1 < half ? mcucc_bottom(last[i + 1]) : (int8_t)(uint8_t)*stream;
        last[half + i] = mcucc_pair(mcucc_top(last[i]), right);
    }
    return *stream;
}

MCUCC_INLINE void all_outputs(const mcucc_depthwise_block *block, int32_t kernel, int32_t stride,
                              int32_t bits, mcucc_form form)
{
    const uint32_t *stream = block->stream;
    for (int32_t channel = 0; channel < MCUCC_PLANE_WORDS; ++channel) {
        uint32_t pairs[MOST_WEIGHT_WORDS];
        const int32_t bias = (int32_t)unpack(pairs, stream + 1, kernel, bits) >> 8;
        const channel_constants constants = {
            bias, {(int32_t)stream[0], block->addend, block->shift}, pairs};
        channel_outputs(block, channel, &constants, kernel, stride, form);
        stream += MCUCC_DEPTHWISE_BYTES_WORDS(kernel, bits);
    }
}

#define FUNCTION(kernel, stride, name, bits, FORM)                           \
    MCUCC_CODE void mcucc_depthwise_rows_bytes_##kernel##_##stride##_##name( \
        const mcucc_depthwise_block *block)                                  \
    {                                                                        \
        all_outputs(block, kernel, stride, bits, FORM);                      \
    }
#define FORMS(kernel, stride, prefix, bits)                       \
    FUNCTION(kernel, stride, prefix##high, bits, MCUCC_FORM_HIGH) \
    FUNCTION(kernel, stride, prefix##common, bits, MCUCC_FORM_COMMON)
#define STORAGE(prefix, bits) \
    FORMS(3, 1, prefix, bits) \
    FORMS(3, 2, prefix, bits) \
    FORMS(5, 1, prefix, bits) \
    FORMS(5, 2, prefix, bits) \
    FORMS(7, 1, prefix, bits) \
    FORMS(7, 2, prefix, bits)

STORAGE(, 8)
STORAGE(int4_, 4)
STORAGE(int2_, 2)

#endif
