/* Dot products of int8 runs into int32, for two output channels at a time.
 *
 * Every loaded input serves both channels, and in the two-pixel form every loaded weight serves
 * both pixels: four multiply-accumulates for four loads.
 */
#ifndef MCUCC_DOT_H
#define MCUCC_DOT_H

#include "mcucc/requantize.h"

/* The accumulators of one output pixel for two output channels. */
typedef struct {
    int32_t even;
    int32_t odd;
} mcucc_sums;

MCUCC_INLINE void mcucc_mac(mcucc_sums *sums, int32_t x, int32_t even, int32_t odd)
{
    sums->even += x * even;
    sums->odd += x * odd;
}

/* One pixel: sums += x[0..n) . {even[0..n), odd[0..n)}. */
MCUCC_INLINE void mcucc_dot(mcucc_sums *sums, const int8_t *x, const int8_t *even,
                            const int8_t *odd, int32_t n)
{
    for (; n >= 4; n -= 4) {
        mcucc_mac(sums, x[0], even[0], odd[0]);
        mcucc_mac(sums, x[1], even[1], odd[1]);
        mcucc_mac(sums, x[2], even[2], odd[2]);
        mcucc_mac(sums, x[3], even[3], odd[3]);
        x += 4;
        even += 4;
        odd += 4;
    }
    for (; n > 0; --n) {
        mcucc_mac(sums, *x++, *even++, *odd++);
    }
}

/* Two pixels `step` bytes apart: p += x[0..n) . weights, q += x[step..step + n) . weights. */
MCUCC_INLINE void mcucc_dot_pair(mcucc_sums *p, mcucc_sums *q, const int8_t *x, int32_t step,
                                 const int8_t *even, const int8_t *odd, int32_t n)
{
    const int8_t *next = x + step;
    for (; n >= 4; n -= 4) {
        mcucc_mac(p, x[0], even[0], odd[0]);
        mcucc_mac(q, next[0], even[0], odd[0]);
        mcucc_mac(p, x[1], even[1], odd[1]);
        mcucc_mac(q, next[1], even[1], odd[1]);
        mcucc_mac(p, x[2], even[2], odd[2]);
        mcucc_mac(q, next[2], even[2], odd[2]);
        mcucc_mac(p, x[3], even[3], odd[3]);
        mcucc_mac(q, next[3], even[3], odd[3]);
        x += 4;
        next += 4;
        even += 4;
        odd += 4;
    }
    for (; n > 0; --n) {
        mcucc_mac(p, *x++, *even, *odd);
        mcucc_mac(q, *next++, *even++, *odd++);
    }
}

/* n taps of padding: every input is the value x. */
MCUCC_INLINE void mcucc_dot_constant(mcucc_sums *sums, int32_t x, const int8_t *even,
                                     const int8_t *odd, int32_t n)
{
    for (; n > 0; --n) {
        mcucc_mac(sums, x, *even++, *odd++);
    }
}

#endif
