#include "mcucc/matrix_parts_armv7em.h"

/* clang-format off */
#define CHUNK_TWO                      \
    "ldmia r11!, {r4, r5, r6, r7}\n"   \
    "ldrd r8, r9, [r12], #8\n"         \
    "sxtb16 r10, r8\n"                 \
    "sxtb16 r8, r8, ror #8\n"          \
    "smlad r0, r4, r10, r0\n"          \
    "smlad r2, r6, r10, r2\n"          \
    "sxtb16 r10, r9\n"                 \
    "sxtb16 r9, r9, ror #8\n"          \
    "smlad r0, r5, r8, r0\n"           \
    "smlad r2, r7, r8, r2\n"           \
    "smlad r1, r4, r10, r1\n"          \
    "smlad r3, r6, r10, r3\n"          \
    "smlad r1, r5, r9, r1\n"           \
    "smlad r3, r7, r9, r3\n"

#define CHUNK_ONE                      \
    "ldrd r4, r5, [r11], #16\n"        \
    "ldrd r8, r9, [r12], #8\n"         \
    "sxtb16 r10, r8\n"                 \
    "sxtb16 r8, r8, ror #8\n"          \
    "smlad r0, r4, r10, r0\n"          \
    "sxtb16 r10, r9\n"                 \
    "sxtb16 r9, r9, ror #8\n"          \
    "smlad r1, r4, r10, r1\n"          \
    "smlad r0, r5, r8, r0\n"           \
    "smlad r1, r5, r9, r1\n"

/* The same with widened weights. */
#define CHUNK_TWO_WIDE                 \
    "ldmia r11!, {r4, r5, r6, r7}\n"   \
    "ldrd r8, r9, [r12], #8\n"         \
    "smlad r0, r4, r8, r0\n"           \
    "smlad r2, r6, r8, r2\n"           \
    "smlad r0, r5, r9, r0\n"           \
    "smlad r2, r7, r9, r2\n"           \
    "ldrd r8, r9, [r12], #8\n"         \
    "smlad r1, r4, r8, r1\n"           \
    "smlad r3, r6, r8, r3\n"           \
    "smlad r1, r5, r9, r1\n"           \
    "smlad r3, r7, r9, r3\n"

#define CHUNK_ONE_WIDE                 \
    "ldrd r4, r5, [r11], #16\n"        \
    "ldrd r8, r9, [r12], #8\n"         \
    "smlad r0, r4, r8, r0\n"           \
    "smlad r0, r5, r9, r0\n"           \
    "ldrd r8, r9, [r12], #8\n"         \
    "smlad r1, r4, r8, r1\n"           \
    "smlad r1, r5, r9, r1\n"

#define BEGIN(bytes) BEGIN_FRAME(bytes, 28, "")
#define END END_FRAME(28)
#define BEGIN_ADDED(bytes) BEGIN_FRAME(bytes, 36, "ldr r10, [r0, #28]\n str r10, [sp, #28]\n")
#define END_ADDED END_FRAME(36)
#define ALL(chunk) CHUNKS(chunk chunk chunk chunk)

#define TWO(bytes, chunk, load, finish) \
    BEGIN(bytes) BIAS_TWO ALL(chunk) FINISH_TWO(load, finish) END
#define ONE(bytes, chunk, load, finish) \
    BEGIN(bytes) BIAS_ONE ALL(chunk) FINISH_ONE(load, finish) END
#define ONE_ADDED(bytes, chunk, load, finish) \
    BEGIN_ADDED(bytes) BIAS_ADDED ALL(chunk) FINISH_ONE(load, finish) END_ADDED
#define SUM_TWO(bytes, chunk) BEGIN(bytes) SUMS_TWO ALL(chunk) ADD_TWO END
#define SUM_ONE(bytes, chunk) BEGIN(bytes) SUMS_ONE ALL(chunk) ADD_ONE END
/* clang-format on */

#define MATRICES(form, FORM, load, finish)                                     \
    MATRIX(two, 1, 8, form, FORM, TWO(56, CHUNK_TWO, load, finish))            \
    MATRIX(one, 0, 8, form, FORM, ONE(40, CHUNK_ONE, load, finish))            \
    MATRIX(two_wide, 1, 16, form, FORM, TWO(44, CHUNK_TWO_WIDE, load, finish)) \
    MATRIX(one_wide, 0, 16, form, FORM, ONE(28, CHUNK_ONE_WIDE, load, finish)) \
    ADDED(one, 8, form, FORM, ONE_ADDED(40, CHUNK_ONE, load, finish))          \
    ADDED(one_wide, 16, form, FORM, ONE_ADDED(28, CHUNK_ONE_WIDE, load, finish))

MATRICES(high, MCUCC_FORM_HIGH, LOAD_HIGH, HIGH)
MATRICES(common, MCUCC_FORM_COMMON, LOAD_COMMON, COMMON)
MATRICES(shift, MCUCC_FORM_SHIFT, LOAD_SHIFT, SHIFT)
MATRICES(double, MCUCC_FORM_DOUBLE, LOAD_SHIFT, DOUBLE)

ADD(two, 1, 8, SUM_TWO(56, CHUNK_TWO))
ADD(one, 0, 8, SUM_ONE(40, CHUNK_ONE))
ADD(two_wide, 1, 16, SUM_TWO(44, CHUNK_TWO_WIDE))
ADD(one_wide, 0, 16, SUM_ONE(28, CHUNK_ONE_WIDE))
