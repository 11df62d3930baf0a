#include "mcucc/depthwise_rows_armv7em.h"

#include "mcucc/depthwise_parts_armv7em.h"

#if MCUCC_DSP_UNALIGNED

/* clang-format off */
#define CONSTANTS_3(factor) factor "ldmia r12!, {r4, r5, r6, r7, r8}\n"
#define CONSTANTS(factor) factor "str r12, [sp, #48]\n"
#define WEIGHTS_AT "ldr r12, [sp, #48]\n"
#define NEXT(kernel) \
    WEIGHTS_AT "add r12, r12, #4*(" #kernel "*(" #kernel "/2) + " #kernel " - 1)\n"

#define LARGE(layer, factor, kernel, pair, last, stride, finish)             \
    ROWS_LARGE("0", layer, CONSTANTS(factor), WEIGHTS_AT, NEXT(kernel),      \
               kernel, pair, last, stride, finish)

#define FUNCTION(kernel, stride, form, body)                                \
    MCUCC_ASSEMBLY(void, mcucc_depthwise_rows_##kernel##_##stride##_##form, \
        (const mcucc_depthwise_block *block MCUCC_UNUSED),                  \
        body)
#define FORMS_3(stride, taps)                                                          \
    FUNCTION(3, stride, high, ROWS_3(LAYER, CONSTANTS_3(FACTOR), taps, stride, HIGH))  \
    FUNCTION(3, stride, common,                                                        \
             ROWS_3(LAYER, CONSTANTS_3(FACTOR), taps, stride, SHIFT))                  \
    FUNCTION(3, stride, shift, ROWS_3("", CONSTANTS_3(OWN_FACTOR), taps, stride, SHIFT)) \
    FUNCTION(3, stride, double, ROWS_3("", CONSTANTS_3(OWN_FACTOR), taps, stride, DOUBLE))
#define FORMS(kernel, stride, pair, last)                                              \
    FUNCTION(kernel, stride, high,                                                     \
             LARGE(LAYER, FACTOR, kernel, pair, last, stride, HIGH))                   \
    FUNCTION(kernel, stride, common,                                                   \
             LARGE(LAYER, FACTOR, kernel, pair, last, stride, SHIFT))                  \
    FUNCTION(kernel, stride, shift,                                                    \
             LARGE("", OWN_FACTOR, kernel, pair, last, stride, SHIFT))                 \
    FUNCTION(kernel, stride, double,                                                   \
             LARGE("", OWN_FACTOR, kernel, pair, last, stride, DOUBLE))
/* clang-format on */

FORMS_3(1, TAPS_3_1)
FORMS_3(2, TAPS_3_2)
FORMS(5, 1, PAIR_5_1, LAST_5_1)
FORMS(5, 2, PAIR_5_2, LAST_5_2)
FORMS(7, 1, PAIR_7_1, LAST_7_1)
FORMS(7, 2, PAIR_7_2, LAST_7_2)

/* Two words, one of each row, to the words of four channels. */
/* clang-format off */
#define SPLIT                                       \
    "sxtb16 r10, r8\n"                              \
    "sxtb16 r8, r8, ror #8\n"                       \
    "sxtb16 r11, r9\n"                              \
    "sxtb16 r9, r9, ror #8\n"                       \
    "pkhbt r4, r10, r11, lsl #16\n"                 \
    "pkhbt r5, r8, r9, lsl #16\n"                   \
    "pkhtb r6, r11, r10, asr #16\n"                 \
    "pkhtb r7, r9, r8, asr #16\n"                   \
    "stmia r0!, {r4, r5, r6, r7}\n"

MCUCC_ASSEMBLY(void, mcucc_depthwise_split,
    (uint32_t *plane MCUCC_UNUSED, const int8_t *upper MCUCC_UNUSED,
     const int8_t *lower MCUCC_UNUSED, int32_t step MCUCC_UNUSED, int32_t count MCUCC_UNUSED),
    "ldr r12, [sp]\n"
    "push {r4-r11, lr}\n"
    "tst r12, #1\n"
    "beq 1f\n"
    "ldr r8, [r1]\n"
    "ldr r9, [r2]\n"
    "add r1, r1, r3\n"
    "add r2, r2, r3\n" SPLIT
    "1:\n"
    "lsrs r12, r12, #1\n"
    "beq 3f\n"
    "2:\n"
    "ldr r8, [r1]\n"
    "ldr r9, [r2]\n" SPLIT
    "ldr r8, [r1, r3]\n"
    "ldr r9, [r2, r3]\n"
    "add r1, r1, r3, lsl #1\n"
    "add r2, r2, r3, lsl #1\n" SPLIT
    "subs r12, r12, #1\n"
    "bne 2b\n"
    "3:\n"
    "pop {r4-r11, pc}\n")
/* clang-format on */

#else

MCUCC_INLINE void all_outputs(const mcucc_depthwise_block *block, int32_t kernel, int32_t stride,
                              mcucc_form form)
{
    const int32_t own = form == MCUCC_FORM_SHIFT || form == MCUCC_FORM_DOUBLE;
    const uint32_t *stream = block->stream;
    for (int32_t channel = 0; channel < MCUCC_PLANE_WORDS; ++channel) {
        channel_constants constants = {
            (int32_t)stream[0], {(int32_t)stream[1], block->addend, block->shift}, stream + 2};
        if (own) {
            constants.factor.addend = (int32_t)stream[2];
            constants.factor.shift = (int32_t)stream[3];
            constants.weights += 2;
        }
        channel_outputs(block, channel, &constants, kernel, stride, form);
        stream = constants.weights + WEIGHT_WORDS(kernel);
    }
}

#define FUNCTION(kernel, stride, form, FORM)                           \
    MCUCC_CODE void mcucc_depthwise_rows_##kernel##_##stride##_##form( \
        const mcucc_depthwise_block *block)                            \
    {                                                                  \
        all_outputs(block, kernel, stride, FORM);                      \
    }
#define FORMS(kernel, stride)                           \
    FUNCTION(kernel, stride, high, MCUCC_FORM_HIGH)     \
    FUNCTION(kernel, stride, common, MCUCC_FORM_COMMON) \
    FUNCTION(kernel, stride, shift, MCUCC_FORM_SHIFT)   \
    FUNCTION(kernel, stride, double, MCUCC_FORM_DOUBLE)

FORMS(3, 1)
FORMS(3, 2)
FORMS(5, 1)
FORMS(5, 2)
FORMS(7, 1)
FORMS(7, 2)

MCUCC_CODE void mcucc_depthwise_split(uint32_t *plane, const int8_t *upper, const int8_t *lower,
                                      int32_t step, int32_t count)
{
    for (; count > 0; --count) {
        for (int32_t channel = 0; channel < MCUCC_PLANE_WORDS; ++channel) {
            *plane++ = mcucc_pair(upper[channel], lower[channel]);
        }
        upper += step;
        lower += step;
    }
}

#endif
