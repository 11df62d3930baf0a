#include "mcucc/matrix_packed_armv7em.h"

#include "mcucc/matrix_parts_armv7em.h"

/* r8 word of the stream, r9 mask, r10 the pair at work; [sp, #28] what p begins at, then q. */
/* clang-format off */
#define FIELDS(pair, shift) "and " pair ", r9, r8" shift "\n"
#define MAC_TWO(pair, even, odd, p, q)     \
    "smlad " even ", " p ", " pair ", " even "\n" \
    "smlad " odd ", " q ", " pair ", " odd "\n"
#define MAC_ONE(pair, even, p) "smlad " even ", " p ", " pair ", " even "\n"

/* A chunk: the pairs (0, 2) and (1, 3) of the even channel, then of the odd one. */
#define PAIRS_TWO(a, b, c, d)                                  \
    "ldmia r11!, {r4, r5, r6, r7}\n"                           \
    FIELDS("r10", a) MAC_TWO("r10", "r0", "r2", "r4", "r6")    \
    FIELDS("r10", b) MAC_TWO("r10", "r0", "r2", "r5", "r7")    \
    FIELDS("r10", c) MAC_TWO("r10", "r1", "r3", "r4", "r6")    \
    FIELDS("r10", d) MAC_TWO("r10", "r1", "r3", "r5", "r7")
#define PAIRS_ONE(a, b, c, d)                                  \
    "ldrd r4, r5, [r11], #16\n"                                \
    FIELDS("r10", a) MAC_ONE("r10", "r0", "r4")                \
    FIELDS("r10", b) MAC_ONE("r10", "r0", "r5")                \
    FIELDS("r10", c) MAC_ONE("r10", "r1", "r4")                \
    FIELDS("r10", d) MAC_ONE("r10", "r1", "r5")

#define WORD "ldr r8, [r12], #4\n"
#define MASK_4 "mov r9, #0x00f000f0\n"
#define CHUNK_4(pairs) WORD pairs(", lsl #4", "", ", lsr #4", ", lsr #8")
#define ALL_4(pairs) CHUNKS(CHUNK_4(pairs) CHUNK_4(pairs) CHUNK_4(pairs) CHUNK_4(pairs))
#define MASK_2 "mov r9, #0x00c000c0\n"
#define CHUNKS_2(pairs) WORD                         \
    pairs(", lsl #6", ", lsl #4", ", lsl #2", "")    \
    pairs(", lsr #2", ", lsr #4", ", lsr #6", ", lsr #8")
#define ALL_2(pairs) CHUNKS(CHUNKS_2(pairs) CHUNKS_2(pairs))

/* -128 times the sum of the inputs, to r1 and r2; the argument stays in r0. */
#define COUNT_BEGIN                        \
    "ldr r11, [r0]\n"                      \
    "ldr lr, [r0, #24]\n"                  \
    "movs r1, #0\n"                        \
    "movs r2, #0\n"                        \
    "movw r3, #0xff80\n"                   \
    "movt r3, #0xff80\n"
#define COUNT(sum, pair) "smlad " sum ", " pair ", r3, " sum "\n"
#define COUNT_TWO                          \
    COUNT_BEGIN                            \
    "tst lr, #1\n"                         \
    "beq 4f\n"                             \
    "ldmia r11!, {r4, r5, r6, r7}\n"       \
    COUNT("r1", "r4") COUNT("r1", "r5") COUNT("r2", "r6") COUNT("r2", "r7") \
    "4:\n"                                 \
    "lsrs lr, lr, #1\n"                    \
    "beq 6f\n"                             \
    "5:\n"                                 \
    "ldmia r11!, {r4, r5, r6, r7, r8, r9, r10, r12}\n" \
    COUNT("r1", "r4") COUNT("r1", "r5") COUNT("r2", "r6") COUNT("r2", "r7") \
    COUNT("r1", "r8") COUNT("r1", "r9") COUNT("r2", "r10") COUNT("r2", "r12") \
    "subs lr, lr, #1\n"                    \
    "bne 5b\n"                             \
    "6:\n"                                 \
    "strd r1, r2, [sp, #28]\n"
#define COUNT_ONE                          \
    COUNT_BEGIN                            \
    "5:\n"                                 \
    "ldrd r4, r5, [r11], #16\n"            \
    COUNT("r1", "r4") COUNT("r1", "r5")    \
    "subs lr, lr, #1\n"                    \
    "bne 5b\n"                             \
    "str r1, [sp, #28]\n"
#define COUNT_ADDED COUNT_ONE "ldr r10, [r0, #28]\n str r10, [sp, #32]\n"

#define SHARE_TWO                          \
    "ldrd r8, r9, [sp, #28]\n"             \
    "add r0, r0, r8\n"                     \
    "add r1, r1, r8\n"                     \
    "add r2, r2, r9\n"                     \
    "add r3, r3, r9\n"
#define SHARE_ONE                          \
    "ldr r8, [sp, #28]\n"                  \
    "add r0, r0, r8\n"                     \
    "add r1, r1, r8\n"
#define BIAS_PACKED_TWO                    \
    BIAS_ONE                               \
    "ldrd r8, r9, [sp, #28]\n"             \
    "add r2, r0, r9\n"                     \
    "add r3, r1, r9\n"                     \
    "add r0, r0, r8\n"                     \
    "add r1, r1, r8\n"
#define BIAS_PACKED_ADDED                  \
    "ldr r9, [sp, #32]\n"                  \
    BIAS_ONE                               \
    "ldrd r4, r5, [r9], #8\n"              \
    "add r0, r0, r4\n"                     \
    "add r1, r1, r5\n"                     \
    "str r9, [sp, #32]\n"                  \
    SHARE_ONE

#define TWO(bits, bytes, load, finish)                                                     \
    BEGIN_FRAME(bytes, 36, COUNT_TWO) BIAS_PACKED_TWO MASK_##bits              \
    ALL_##bits(PAIRS_TWO) FINISH_TWO(load, finish) END_FRAME(36)
#define ONE(bits, bytes, load, finish)                                                     \
    BEGIN_FRAME(bytes, 36, COUNT_ONE) BIAS_ONE SHARE_ONE MASK_##bits           \
    ALL_##bits(PAIRS_ONE) FINISH_ONE(load, finish) END_FRAME(36)
#define ONE_ADDED(bits, bytes, load, finish)                                               \
    BEGIN_FRAME(bytes, 36, COUNT_ADDED) BIAS_PACKED_ADDED MASK_##bits          \
    ALL_##bits(PAIRS_ONE) FINISH_ONE(load, finish) END_FRAME(36)
#define SUM_TWO(bits, bytes)                                                               \
    BEGIN_FRAME(bytes, 36, COUNT_TWO) SUMS_TWO SHARE_TWO MASK_##bits           \
    ALL_##bits(PAIRS_TWO) ADD_TWO END_FRAME(36)
#define SUM_ONE(bits, bytes)                                                               \
    BEGIN_FRAME(bytes, 36, COUNT_ONE) SUMS_ONE SHARE_ONE MASK_##bits           \
    ALL_##bits(PAIRS_ONE) ADD_ONE END_FRAME(36)
/* clang-format on */

/* Two and one: bytes of code of a chunk, where two share a word of half of both. */
#define MATRICES(bits, two, one, form, FORM, load, finish)                   \
    MATRIX(two_int##bits, 1, bits, form, FORM, TWO(bits, two, load, finish)) \
    MATRIX(one_int##bits, 0, bits, form, FORM, ONE(bits, one, load, finish)) \
    ADDED(one_int##bits, bits, form, FORM, ONE_ADDED(bits, one, load, finish))
#define FORMS(bits, two, one)                                                \
    MATRICES(bits, two, one, high, MCUCC_FORM_HIGH, LOAD_HIGH, HIGH)         \
    MATRICES(bits, two, one, common, MCUCC_FORM_COMMON, LOAD_COMMON, COMMON) \
    MATRICES(bits, two, one, shift, MCUCC_FORM_SHIFT, LOAD_SHIFT, SHIFT)     \
    MATRICES(bits, two, one, double, MCUCC_FORM_DOUBLE, LOAD_SHIFT, DOUBLE)  \
    ADD(two_int##bits, 1, bits, SUM_TWO(bits, two))                          \
    ADD(one_int##bits, 0, bits, SUM_ONE(bits, one))

FORMS(4, 56, 40)
FORMS(2, 54, 38)
