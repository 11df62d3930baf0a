#include "mcucc/depthwise_pixel_mve.h"

#if MCUCC_MVE

/* Every fourth channel's sums in `sum` to outputs: the lanes of q4 are the addresses of their
 * entries and move on to the next channel's. q5 and q6 are changed. */
/* clang-format off */
#define SCALE_doubling(sum)                            \
    "vldrw.u32 q5, [q4]                           \n"  \
    "vadd.i32 " sum ", " sum ", q5                \n"  \
    "vldrw.u32 q5, [q4, #4]                       \n"  \
    "vqrdmulh.s32 " sum ", " sum ", q5            \n"  \
    "vadd.i32 q4, q4, r6                          \n"
#define SCALE_shift(sum)                               \
    "vldrw.u32 q5, [q4]                           \n"  \
    "vadd.i32 " sum ", " sum ", q5                \n"  \
    "vldrw.u32 q5, [q4, #4]                       \n"  \
    "vqdmulh.s32 " sum ", " sum ", q5             \n"  \
    "vldrw.u32 q5, [q4, #8]                       \n"  \
    "vrshl.s32 " sum ", " sum ", q5               \n"  \
    "vadd.i32 q4, q4, r6                          \n"
#define SCALE_wide(sum)                                \
    "vldrw.u32 q5, [q4]                           \n"  \
    "vadd.i32 " sum ", " sum ", q5                \n"  \
    "vldrw.u32 q5, [q4, #4]                       \n"  \
    "vqshl.s32 " sum ", " sum ", #8               \n"  \
    "vqdmulh.s32 " sum ", " sum ", q5             \n"  \
    "vldrw.u32 q5, [q4, #8]                       \n"  \
    "vrshl.s32 " sum ", " sum ", q5               \n"  \
    "vadd.i32 q4, q4, r6                          \n"
#define SCALE_double(sum)                              \
    "vldrw.u32 q5, [q4]                           \n"  \
    "vadd.i32 " sum ", " sum ", q5                \n"  \
    "vldrw.u32 q5, [q4, #4]                       \n"  \
    "vqrdmulh.s32 " sum ", " sum ", q5            \n"  \
    "vshr.s32 q6, " sum ", #31                    \n"  \
    "vadd.i32 " sum ", " sum ", q6                \n"  \
    "vldrw.u32 q5, [q4, #8]                       \n"  \
    "vrshl.s32 " sum ", " sum ", q5               \n"  \
    "vadd.i32 q4, q4, r6                          \n"

/* Sums of a block: q0 of channels 0, 4, 8, 12, q1 of 2, 6, .., q2 of 1, 5, .., q3 of 3, 7, ..: so
 * widening bottom and top halves leaves them, and narrowing brings them back in order. A pair of
 * taps: inputs in q4 and q7, weights in q5, 16-bit sums of even channels in q6, of odd ones in q4.
 * r3 is the first channel of the block, r0 walks the pairs, lr counts them. */
#define KERNEL(form)                                               \
    MCUCC_ASSEMBLY(void, mcucc_depthwise_pixel_mve_##form,         \
        (const mcucc_depthwise_pixel *pixel MCUCC_UNUSED),         \
        "push {r0, r4-r11, lr}             \n"                     \
        "vpush {d8-d15}                    \n"                     \
        "mov r12, r0                       \n"                     \
        "ldmia r12, {r0, r1, r4, r5, r6, r7, r8, r9, r10, r11} \n" \
        "vctp.8 r8                         \n"                     \
        "mov r8, r7                        \n"                     \
        "movs r3, #0                       \n"                     \
        "1:                                \n"                     \
        "vmov.i32 q0, #0                   \n"                     \
        "vmov.i32 q1, #0                   \n"                     \
        "vmov.i32 q2, #0                   \n"                     \
        "vmov.i32 q3, #0                   \n"                     \
        "ldr r0, [r12]                     \n"                     \
        "dls lr, r4                        \n"                     \
        "2:                                \n"                     \
        "ldrd r2, r7, [r0], #8             \n"                     \
        "add r2, r2, r3                    \n"                     \
        "add r7, r7, r3                    \n"                     \
        "vpstt                             \n"                     \
        "vldrbt.8 q4, [r2]                 \n"                     \
        "vldrbt.8 q7, [r7]                 \n"                     \
        "vldrb.8 q5, [r1], #32             \n"                     \
        "vmullb.s8 q6, q4, q5              \n"                     \
        "vmullt.s8 q4, q4, q5              \n"                     \
        "vldrb.8 q5, [r1, #-16]            \n"                     \
        "vmullb.s8 q5, q7, q5              \n"                     \
        "vadd.i16 q6, q6, q5               \n"                     \
        "vldrb.8 q5, [r1, #-16]            \n"                     \
        "vmullt.s8 q5, q7, q5              \n"                     \
        "vadd.i16 q4, q4, q5               \n"                     \
        "vmovlb.s16 q5, q6                 \n"                     \
        "vadd.i32 q0, q0, q5               \n"                     \
        "vmovlt.s16 q6, q6                 \n"                     \
        "vadd.i32 q1, q1, q6               \n"                     \
        "vmovlb.s16 q5, q4                 \n"                     \
        "vadd.i32 q2, q2, q5               \n"                     \
        "vmovlt.s16 q4, q4                 \n"                     \
        "vadd.i32 q3, q3, q4               \n"                     \
        "le lr, 2b                         \n"                     \
        "mla r2, r3, r6, r9                \n"                     \
        "vldrw.u32 q4, [r12, #40]          \n"                     \
        "vadd.i32 q4, q4, r2               \n"                     \
        SCALE_##form("q0")                                         \
        SCALE_##form("q2")                                         \
        SCALE_##form("q1")                                         \
        SCALE_##form("q3")                                         \
        "vqmovnb.s32 q0, q0                \n"                     \
        "vqmovnt.s32 q0, q1                \n"                     \
        "vqmovnb.s32 q2, q2                \n"                     \
        "vqmovnt.s32 q2, q3                \n"                     \
        "vqadd.s16 q0, q0, r8              \n"                     \
        "vqadd.s16 q2, q2, r8              \n"                     \
        "vqmovnb.s16 q0, q0                \n"                     \
        "vqmovnt.s16 q0, q2                \n"                     \
        "add r2, r11, r3                   \n"                     \
        "vpst                              \n"                     \
        "vstrbt.8 q0, [r2]                 \n"                     \
        "adds r3, r3, #16                  \n"                     \
        "cmp r3, r10                       \n"                     \
        "it gt                             \n"                     \
        "movgt r3, r10                     \n"                     \
        "subs r5, r5, #1                   \n"                     \
        "bne 1b                            \n"                     \
        "vpop {d8-d15}                     \n"                     \
        "pop {r0, r4-r11, pc}              \n")
/* clang-format on */

#else

#define KERNEL(form)                                                                          \
    MCUCC_CODE void mcucc_depthwise_pixel_mve_##form(const mcucc_depthwise_pixel *pixel)      \
    {                                                                                         \
        for (int32_t channel = 0; channel < pixel->channels; ++channel) {                     \
            const int32_t last = channel >= pixel->last; /* in the last block */              \
            const int32_t block = last ? pixel->blocks - 1 : channel / MCUCC_VECTOR;          \
            const int32_t lane = channel - (last ? pixel->last : block * MCUCC_VECTOR);       \
            const int8_t *weights = pixel->weights + block * 2 * pixel->pairs * MCUCC_VECTOR; \
            int32_t sum = 0;                                                                  \
            for (int32_t tap = 0; tap < 2 * pixel->pairs; ++tap) {                            \
                sum += pixel->taps[tap][channel] * weights[tap * MCUCC_VECTOR + lane];        \
            }                                                                                 \
            pixel->out[channel] =                                                             \
                mcucc_finish_mve(sum, pixel->entries + channel * pixel->stride / 4,           \
                                 pixel->zero_point, MCUCC_FORM_MVE_##form);                   \
        }                                                                                     \
    }

#endif

KERNEL(doubling)
KERNEL(shift)
KERNEL(wide)
KERNEL(double)
