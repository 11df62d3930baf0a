/* The runs of a window of a convolution on Armv7E-M, widened into the chunks of a pixel. Included once
 * a unit: mcucc/conv2d_armv7em.h says what runs are.
 */
#ifndef MCUCC_WINDOW_RUNS_ARMV7EM_H
#define MCUCC_WINDOW_RUNS_ARMV7EM_H

#include "mcucc/matrix_armv7em.h"

/* The runs of a window. The fields are read by assembly: their order is fixed. */
typedef struct {
    int32_t count;
    int32_t chunks; /* full ones of a run */
    int32_t left;   /* inputs of a run beyond them */
    int8_t *tail;   /* where those go */
} window_runs;

/* Widen the full chunks of runs[i] + offset, collect what is left over; returns the next chunk. */
#if MCUCC_DSP_UNALIGNED

/* clang-format off */
MCUCC_ASSEMBLY_LOCAL(uint32_t *, widen_runs,
    (const int8_t *const *runs MCUCC_UNUSED, int32_t offset MCUCC_UNUSED,
     uint32_t *pixel MCUCC_UNUSED, const window_runs *shape MCUCC_UNUSED),
    "push {r4-r11, lr}\n"
    "ldmia r3, {r4, r5, r6, r7}\n"
    "1:\n"
    "ldr r8, [r0], #4\n"
    "movs r9, r5\n"
    "add r8, r8, r1\n"
    "beq 3f\n"
    "2:\n"
    "ldr r10, [r8], #4\n"
    "subs r9, r9, #1\n"
    "sxtb16 r11, r10, ror #8\n"
    "sxtb16 r10, r10\n"
    "strd r10, r11, [r2], #16\n"
    "bne 2b\n"
    "3:\n"
    "movs r9, r6\n"
    "beq 5f\n"
    "4:\n"
    "ldrb r10, [r8], #1\n"
    "subs r9, r9, #1\n"
    "strb r10, [r7], #1\n"
    "bne 4b\n"
    "5:\n"
    "subs r4, r4, #1\n"
    "bne 1b\n"
    "mov r0, r2\n"
    "pop {r4-r11, pc}\n")

/* The first layer of most networks, 3x3 over red, green and blue: three runs of 9, 28 inputs. */
#define WIDEN_EIGHT(x)                    \
    "ldr r6, [" x "]\n"                   \
    "ldr r7, [" x ", #4]\n"               \
    "sxtb16 r8, r6, ror #8\n"             \
    "sxtb16 r6, r6\n"                     \
    "strd r6, r8, [r2], #16\n"            \
    "sxtb16 r8, r7, ror #8\n"             \
    "sxtb16 r7, r7\n"                     \
    "strd r7, r8, [r2], #16\n"

MCUCC_ASSEMBLY_LOCAL(void, widen_nines,
    (const int8_t *const *runs MCUCC_UNUSED, int32_t offset MCUCC_UNUSED,
     uint32_t *pixel MCUCC_UNUSED),
    "push {r4, r5, r6, r7, r8, lr}\n"
    "ldmia r0, {r3, r4, r5}\n"
    "add r3, r3, r1\n"
    "add r4, r4, r1\n"
    "add r5, r5, r1\n"
    WIDEN_EIGHT("r3") WIDEN_EIGHT("r4") WIDEN_EIGHT("r5")
    "ldrsb r3, [r3, #8]\n"
    "ldrsb r4, [r4, #8]\n"
    "ldrsb r5, [r5, #8]\n"
    "pkhbt r3, r3, r5, lsl #16\n"
    "uxth r4, r4\n"
    "strd r3, r4, [r2]\n"
    "pop {r4, r5, r6, r7, r8, pc}\n")
/* clang-format on */

#else

MCUCC_CODE static uint32_t *widen_runs(const int8_t *const *runs, int32_t offset, uint32_t *pixel,
                                       const window_runs *shape)
{
    int8_t *tail = shape->tail;
    for (int32_t run = 0; run < shape->count; ++run) {
        const int8_t *x = runs[run] + offset;
        pixel = mcucc_widen(pixel, x, shape->chunks);
        memcpy(tail, x + 4 * shape->chunks, (size_t)shape->left);
        tail += shape->left;
    }
    return pixel;
}

#endif

/* Widen a window: the chunks of all runs at runs[i] + offset, then what is left over of each. */
MCUCC_INLINE void widen_window(const window_runs *shape, const int8_t *const *runs, int32_t offset,
                               uint32_t *pixel)
{
#if MCUCC_DSP_UNALIGNED
    if (shape->count == 3 && shape->chunks == 2 && shape->left == 1) {
        widen_nines(runs, offset, pixel);
        return;
    }
#endif
    pixel = widen_runs(runs, offset, pixel, shape);
    if (shape->left > 0) {
        mcucc_widen_all(pixel, shape->tail, shape->count * shape->left);
    }
}

#endif
