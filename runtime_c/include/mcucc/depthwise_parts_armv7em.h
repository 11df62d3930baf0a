/* What the inner loops of the depthwise convolution on Armv7E-M are made of, however a channel's
 * constants are stored: assembly around the taps, and the C of other machines. Included once a unit:
 * mcucc/depthwise_rows_armv7em.h describes what they read.
 */
#ifndef MCUCC_DEPTHWISE_PARTS_ARMV7EM_H
#define MCUCC_DEPTHWISE_PARTS_ARMV7EM_H

#include "mcucc/depthwise_rows_armv7em.h"

/* Words of weights as the loops read them. */
#define WEIGHT_WORDS(kernel) ((kernel) * ((kernel) / 2) + (kernel) - 1)
#define MOST_WEIGHT_WORDS WEIGHT_WORDS(7)

#if MCUCC_DSP_UNALIGNED

/* gcc spills accumulators and weights, whatever the C (33 instructions an output where these
 * loops need 20), so they are assembly. Four outputs a round are r0 .. r3. The frame:
 *   0 pairs, 4 last, 8 stream, 12 out, 16 step, 20 end, 24 plane_bytes: of the block, then
 *   28 bias, 32 multiplier, 36 addend, 40 shift: the channel's factor,
 *   44 channels left, 48 weights, 52 pairs of this round, 56 what a unit has there. */
/* clang-format off */
#define BEGIN(frame, layer)                         \
    "push {r4-r11, lr}\n"                           \
    "sub sp, sp, #56+" frame "\n"                   \
    "ldmia r0!, {r1, r2, r3, r4, r5, r6, r7}\n"     \
    "stmia sp, {r1, r2, r3, r4, r5, r6, r7}\n"      \
    layer                                           \
    "mov r4, #4\n"                                  \
    "str r4, [sp, #44]\n"                           \
    "0:\n"                                          \
    "ldrd r10, r11, [sp]\n"                         \
    "ldr r12, [sp, #8]\n"                           \
    "ldr lr, [sp, #12]\n"

/* Addend and shift of a layer, once for all channels; or a channel's own. */
#define LAYER                                       \
    "ldrd r4, r5, [r0]\n"                           \
    "strd r4, r5, [sp, #36]\n"
#define FACTOR                                      \
    "ldrd r4, r5, [r12], #8\n"                      \
    "strd r4, r5, [sp, #28]\n"
#define OWN_FACTOR                                  \
    "add r8, sp, #28\n"                             \
    "ldmia r12!, {r4, r5, r6, r7}\n"                \
    "stmia r8, {r4, r5, r6, r7}\n"

/* The next channel; r12 is the end of this one's constants. */
#define END(frame)                                  \
    "ldrd r0, r1, [sp]\n"                           \
    "ldr r2, [sp, #12]\n"                           \
    "ldr r3, [sp, #20]\n"                           \
    "add r0, r0, #4\n"                              \
    "add r1, r1, #4\n"                              \
    "add r2, r2, #1\n"                              \
    "add r3, r3, #4\n"                              \
    "strd r0, r1, [sp]\n"                           \
    "strd r12, r2, [sp, #8]\n"                      \
    "str r3, [sp, #20]\n"                           \
    "ldr r0, [sp, #44]\n"                           \
    "subs r0, r0, #1\n"                             \
    "str r0, [sp, #44]\n"                           \
    "bne 0b\n"                                      \
    "add sp, sp, #56+" frame "\n"                   \
    "pop {r4-r11, pc}\n"

/* Requantize r0 .. r3 and store them; r9 and r12 are free. */
#define EACH(instruction)                           \
    instruction("r0") instruction("r1") instruction("r2") instruction("r3")
#define SATURATE(r) "ssat " r ", #8, " r "\n"
#define HALVE(r) "ssat " r ", #8, " r ", asr #1\n"
#define HIGH_MAC(r) "smmlar " r ", " r ", r9, r12\n"
#define HIGH_FLOOR(r) "smmla " r ", " r ", r9, r12\n"
#define SHIFT_RIGHT(r) "asr " r ", " r ", r9\n"
#define TWO_ROUNDINGS(r)                            \
    "add " r ", " r ", " r "\n"                     \
    "smmulr " r ", " r ", r9\n"                     \
    "add " r ", " r ", " r ", asr #31\n"            \
    "add " r ", " r ", r12\n"
#define HIGH "ldrd r9, r12, [sp, #32]\n"  EACH(HIGH_MAC) EACH(SATURATE)
#define SHIFT                                       \
    "ldrd r9, r12, [sp, #32]\n"  EACH(HIGH_FLOOR)   \
    "ldr r9, [sp, #40]\n"  EACH(SHIFT_RIGHT) EACH(HALVE)
#define DOUBLE                                      \
    "ldrd r9, r12, [sp, #32]\n"  EACH(TWO_ROUNDINGS) \
    "ldr r9, [sp, #40]\n"  EACH(SHIFT_RIGHT) EACH(HALVE)
#define STORE                                       \
    "ldr r12, [sp, #16]\n"                          \
    "strb r0, [lr]\n"                               \
    "strb r1, [lr, r12]\n"                          \
    "add lr, lr, r12, lsl #1\n"                     \
    "strb r2, [lr]\n"                               \
    "strb r3, [lr, r12]\n"                          \
    "add lr, lr, r12, lsl #1\n"

/* 3x3: the weights stay in r4 .. r8, where `constants` leaves them; a column is loaded into r9. r12
 * is the bias. */
#define COLUMN(plane, column) "ldr r9, [" plane ", #16*" #column "]\n"
#define MAC(sum, weight) "smlad " sum ", r9, " weight ", " sum "\n"
#define FIRST(sum) "smlad " sum ", r9, r4, r12\n"
#define LAST_RIGHT(sum) "smlabt " sum ", r9, r8, " sum "\n"
#define LAST_LEFT(sum) "smlatb " sum ", r9, r7, " sum "\n"

#define TAPS_3_1                                                             \
    COLUMN("r10", 0) FIRST("r0")                                             \
    COLUMN("r10", 1) MAC("r0", "r5") FIRST("r1")                             \
    COLUMN("r10", 2) MAC("r0", "r6") MAC("r1", "r5") FIRST("r2")             \
    COLUMN("r10", 3) MAC("r1", "r6") MAC("r2", "r5") FIRST("r3")             \
    COLUMN("r10", 4) MAC("r2", "r6") MAC("r3", "r5")                         \
    COLUMN("r10", 5) MAC("r3", "r6")                                         \
    COLUMN("r11", 0) MAC("r0", "r7") LAST_LEFT("r1")                         \
    COLUMN("r11", 1) LAST_RIGHT("r0") MAC("r1", "r8") MAC("r2", "r7") LAST_LEFT("r3") \
    COLUMN("r11", 2) LAST_RIGHT("r2") MAC("r3", "r8")

#define TAPS_3_2                                                             \
    COLUMN("r10", 0) FIRST("r0")                                             \
    COLUMN("r10", 1) MAC("r0", "r5")                                         \
    COLUMN("r10", 2) MAC("r0", "r6") FIRST("r1")                             \
    COLUMN("r10", 3) MAC("r1", "r5")                                         \
    COLUMN("r10", 4) MAC("r1", "r6") FIRST("r2")                             \
    COLUMN("r10", 5) MAC("r2", "r5")                                         \
    COLUMN("r10", 6) MAC("r2", "r6") FIRST("r3")                             \
    COLUMN("r10", 7) MAC("r3", "r5")                                         \
    COLUMN("r10", 8) MAC("r3", "r6")                                         \
    COLUMN("r11", 0) MAC("r0", "r7")                                         \
    COLUMN("r11", 1) LAST_RIGHT("r0") MAC("r1", "r7")                        \
    COLUMN("r11", 2) LAST_RIGHT("r1") MAC("r2", "r7")                        \
    COLUMN("r11", 3) LAST_RIGHT("r2") MAC("r3", "r7")                        \
    COLUMN("r11", 4) LAST_RIGHT("r3")

#define ROWS_3(layer, constants, taps, stride, finish)                       \
    BEGIN("0", layer)                                                        \
    constants                                                                \
    "str r12, [sp, #48]\n"                                                   \
    "1:\n"                                                                   \
    "ldr r12, [sp, #28]\n"                                                   \
    taps                                                                     \
    "add r10, r10, #64*" #stride "\n"                                        \
    "add r11, r11, #32*" #stride "\n"                                        \
    finish STORE                                                             \
    "ldr r12, [sp, #20]\n"                                                   \
    "cmp r10, r12\n"                                                         \
    "bne 1b\n"                                                               \
    "ldr r12, [sp, #48]\n"                                                   \
    END("0")

/* 5x5 and 7x7: a weight is loaded into r8 for four outputs, columns slide through r4 .. r7. */
#define LOAD(r, plane, column) "ldr " r ", [" plane ", #16*(" #column ")]\n"
#define TAP(a, b, c, d, column, weight)             \
    "ldr r8, [r12, #4*(" #weight ")]\n"             \
    LOAD(d, "r10", column)                          \
    "smlad r0, " a ", r8, r0\n"                     \
    "smlad r1, " b ", r8, r1\n"                     \
    "smlad r2, " c ", r8, r2\n"                     \
    "smlad r3, " d ", r8, r3\n"

#define PAIR_5_1                                                               \
    LOAD("r4", "r10", 0) LOAD("r5", "r10", 1) LOAD("r6", "r10", 2)             \
    TAP("r4", "r5", "r6", "r7", 3, 0) TAP("r5", "r6", "r7", "r4", 4, 1)        \
    TAP("r6", "r7", "r4", "r5", 5, 2) TAP("r7", "r4", "r5", "r6", 6, 3)        \
    TAP("r4", "r5", "r6", "r7", 7, 4)
#define PAIR_7_1                                                               \
    PAIR_5_1 TAP("r5", "r6", "r7", "r4", 8, 5) TAP("r6", "r7", "r4", "r5", 9, 6)
#define PAIR_5_2                                                               \
    LOAD("r4", "r10", 0) LOAD("r5", "r10", 2) LOAD("r6", "r10", 4)             \
    TAP("r4", "r5", "r6", "r7", 6, 0) TAP("r5", "r6", "r7", "r4", 8, 2)        \
    TAP("r6", "r7", "r4", "r5", 10, 4)                                         \
    LOAD("r4", "r10", 1) LOAD("r5", "r10", 3) LOAD("r6", "r10", 5)             \
    TAP("r4", "r5", "r6", "r7", 7, 1) TAP("r5", "r6", "r7", "r4", 9, 3)
#define PAIR_7_2                                                               \
    LOAD("r4", "r10", 0) LOAD("r5", "r10", 2) LOAD("r6", "r10", 4)             \
    TAP("r4", "r5", "r6", "r7", 6, 0) TAP("r5", "r6", "r7", "r4", 8, 2)        \
    TAP("r6", "r7", "r4", "r5", 10, 4) TAP("r7", "r4", "r5", "r6", 12, 6)      \
    LOAD("r4", "r10", 1) LOAD("r5", "r10", 3) LOAD("r6", "r10", 5)             \
    TAP("r4", "r5", "r6", "r7", 7, 1) TAP("r5", "r6", "r7", "r4", 9, 3)        \
    TAP("r6", "r7", "r4", "r5", 11, 5)

/* The last row, stride 1: r8 for outputs at even columns, r9 for those at odd ones. */
#define WEIGHTS(half, tap)                          \
    "ldr r8, [r12, #4*(" #tap ")]\n"                \
    "ldr r9, [r12, #4*(" #half "+" #tap ")]\n"
#define LAST(a, b, c, half, tap)                    \
    WEIGHTS(half, tap) LOAD(c, "r11", tap + 2)      \
    "smlad r0, " a ", r8, r0\n"                     \
    "smlad r2, " b ", r8, r2\n"                     \
    "smlad r1, " b ", r9, r1\n"                     \
    "smlad r3, " c ", r9, r3\n"
#define LEFT(a, b)                                  \
    "smlatb r1, " a ", r8, r1\n"                    \
    "smlatb r3, " b ", r8, r3\n"
#define RIGHT(b, c)                                 \
    "smlabt r0, " b ", r9, r0\n"                    \
    "smlabt r2, " c ", r9, r2\n"
#define LAST_5_1                                                               \
    LOAD("r4", "r11", 0) LOAD("r5", "r11", 1)                                  \
    LAST("r4", "r5", "r6", 2, 0) LEFT("r4", "r5")                              \
    LAST("r5", "r6", "r7", 2, 1) RIGHT("r6", "r7")
#define LAST_7_1                                                               \
    LOAD("r4", "r11", 0) LOAD("r5", "r11", 1)                                  \
    LAST("r4", "r5", "r6", 3, 0) LEFT("r4", "r5")                              \
    LAST("r5", "r6", "r7", 3, 1) LAST("r6", "r7", "r4", 3, 2) RIGHT("r7", "r4")

/* The last row, stride 2: all outputs are at even columns. */
#define LAST2(a, b, c, d, tap)                      \
    "ldr r8, [r12, #4*" #tap "]\n"                  \
    LOAD(d, "r11", tap + 3)                         \
    "smlad r0, " a ", r8, r0\n"                     \
    "smlad r1, " b ", r8, r1\n"                     \
    "smlad r2, " c ", r8, r2\n"                     \
    "smlad r3, " d ", r8, r3\n"
#define RIGHT2(a, b, c, d, half)                    \
    "ldr r8, [r12, #4*(2*" #half "-1)]\n"           \
    LOAD(d, "r11", half + 3)                        \
    "smlabt r0, " a ", r8, r0\n"                    \
    "smlabt r1, " b ", r8, r1\n"                    \
    "smlabt r2, " c ", r8, r2\n"                    \
    "smlabt r3, " d ", r8, r3\n"
#define LAST_5_2                                                               \
    LOAD("r4", "r11", 0) LOAD("r5", "r11", 1) LOAD("r6", "r11", 2)             \
    LAST2("r4", "r5", "r6", "r7", 0) LAST2("r5", "r6", "r7", "r4", 1)          \
    RIGHT2("r6", "r7", "r4", "r5", 2)
#define LAST_7_2                                                               \
    LOAD("r4", "r11", 0) LOAD("r5", "r11", 1) LOAD("r6", "r11", 2)             \
    LAST2("r4", "r5", "r6", "r7", 0) LAST2("r5", "r6", "r7", "r4", 1)          \
    LAST2("r6", "r7", "r4", "r5", 2) RIGHT2("r7", "r4", "r5", "r6", 3)

/* `weights` makes r12 their address, `next` the end of the channel's constants. */
#define ROWS_LARGE(frame, layer, constants, weights, next, kernel, pair, last, stride, finish) \
    BEGIN(frame, layer)                                                      \
    constants                                                                \
    "str r10, [sp, #52]\n"                                                   \
    "1:\n"                                                                   \
    "ldr r0, [sp, #28]\n"                                                    \
    weights                                                                  \
    "mov r1, r0\n"                                                           \
    "mov r2, r0\n"                                                           \
    "mov r3, r0\n"                                                           \
    "mov r9, #" #kernel "/2\n"                                               \
    "2:\n"                                                                   \
    pair                                                                     \
    "ldr r8, [sp, #24]\n"                                                    \
    "add r12, r12, #4*" #kernel "\n"                                         \
    "add r10, r10, r8\n"                                                     \
    "subs r9, r9, #1\n"                                                      \
    "bne 2b\n"                                                               \
    last                                                                     \
    "ldr r10, [sp, #52]\n"                                                   \
    "add r11, r11, #32*" #stride "\n"                                        \
    "add r10, r10, #64*" #stride "\n"                                        \
    "str r10, [sp, #52]\n"                                                   \
    finish STORE                                                             \
    "ldr r12, [sp, #20]\n"                                                   \
    "cmp r10, r12\n"                                                         \
    "bne 1b\n"                                                               \
    next                                                                     \
    END(frame)
/* clang-format on */

#else

MCUCC_INLINE int32_t one_output(const mcucc_depthwise_block *block, const uint32_t *pairs,
                                const uint32_t *last, const uint32_t *weights, int32_t bias,
                                int32_t kernel, int32_t odd)
{
    const int32_t half = kernel / 2;
    int32_t sum = bias;
    for (int32_t row = 0; row < half; ++row) {
        for (int32_t tap = 0; tap < kernel; ++tap) {
            sum = mcucc_dot2(pairs[tap * MCUCC_PLANE_WORDS], *weights++, sum);
        }
        pairs += block->plane_bytes / (int32_t)sizeof *pairs;
    }
    if (odd) {
        sum = mcucc_mac_tb(last[0], weights[0], sum);
        last += MCUCC_PLANE_WORDS;
        weights += half;
    }
    for (int32_t tap = 0; tap < half; ++tap) {
        sum = mcucc_dot2(last[tap * MCUCC_PLANE_WORDS], weights[tap], sum);
    }
    return odd ? sum : mcucc_mac_bt(last[half * MCUCC_PLANE_WORDS], weights[2 * half - 1], sum);
}

/* What the loops need of a channel. */
typedef struct {
    int32_t bias;
    mcucc_factor factor;
    const uint32_t *weights;
} channel_constants;

/* All outputs of one channel of a block. */
MCUCC_INLINE void channel_outputs(const mcucc_depthwise_block *block, int32_t channel,
                                  const channel_constants *constants, int32_t kernel,
                                  int32_t stride, mcucc_form form)
{
    const int32_t words = (int32_t)(block->end - block->pairs);
    const int32_t count = words / (MCUCC_PLANE_WORDS * stride);
    for (int32_t i = 0; i < count; ++i) {
        const int32_t column = i * stride;
        const uint32_t *pairs = block->pairs + column * MCUCC_PLANE_WORDS + channel;
        const uint32_t *last = block->last + column / 2 * MCUCC_PLANE_WORDS + channel;
        const int32_t sum =
            one_output(block, pairs, last, constants->weights, constants->bias, kernel, column % 2);
        block->out[i * block->step + channel] = mcucc_finish_factor(sum, constants->factor, form);
    }
}

#endif

#endif
