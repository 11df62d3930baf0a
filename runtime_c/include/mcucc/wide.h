/* Activations of either element type: kernels of int16 take it as a constant that folds away.
 *
 * Rows are pointers to bytes whatever lies in them; those of int16 are 2-aligned.
 */
#ifndef MCUCC_WIDE_H
#define MCUCC_WIDE_H

#include "mcucc/dot.h"

/* The element type of a tensor: bytes of a value. */
typedef enum { MCUCC_S8 = 1, MCUCC_S16 = 2 } mcucc_element;

/* The pointer to the value `index` values behind `x`. */
MCUCC_INLINE const int8_t *mcucc_at(const int8_t *x, int32_t index, mcucc_element element)
{
    return x + index * (int32_t)element;
}

MCUCC_INLINE int8_t *mcucc_at_out(int8_t *y, int32_t index, mcucc_element element)
{
    return y + index * (int32_t)element;
}

MCUCC_INLINE int32_t mcucc_get(const int8_t *x, int32_t index, mcucc_element element)
{
    if (element == MCUCC_S16) {
        return ((const int16_t *)(const void *)x)[index];
    }
    return x[index];
}

MCUCC_INLINE void mcucc_put(int8_t *y, int32_t index, int32_t value, mcucc_element element)
{
    if (element == MCUCC_S16) {
        ((int16_t *)(void *)y)[index] = (int16_t)value;
    } else {
        y[index] = (int8_t)value;
    }
}

/* One pixel: sums += x[0..n) . {even[0..n), odd[0..n)}. */
MCUCC_INLINE void mcucc_dot_wide(mcucc_sums *sums, const int8_t *x, const int8_t *even,
                                 const int8_t *odd, int32_t n, mcucc_element element)
{
    const int16_t *wide = (const int16_t *)(const void *)x;

    if (element == MCUCC_S8) {
        mcucc_dot(sums, x, even, odd, n);
        return;
    }
    for (; n >= 4; n -= 4) {
        mcucc_mac(sums, wide[0], even[0], odd[0]);
        mcucc_mac(sums, wide[1], even[1], odd[1]);
        mcucc_mac(sums, wide[2], even[2], odd[2]);
        mcucc_mac(sums, wide[3], even[3], odd[3]);
        wide += 4;
        even += 4;
        odd += 4;
    }
    for (; n > 0; --n) {
        mcucc_mac(sums, *wide++, *even++, *odd++);
    }
}

/* Two pixels `step` values apart. */
MCUCC_INLINE void mcucc_dot_pair_wide(mcucc_sums *p, mcucc_sums *q, const int8_t *x, int32_t step,
                                      const int8_t *even, const int8_t *odd, int32_t n,
                                      mcucc_element element)
{
    const int16_t *wide = (const int16_t *)(const void *)x;
    const int16_t *next = wide + step;

    if (element == MCUCC_S8) {
        mcucc_dot_pair(p, q, x, step, even, odd, n);
        return;
    }
    for (; n >= 2; n -= 2) {
        mcucc_mac(p, wide[0], even[0], odd[0]);
        mcucc_mac(q, next[0], even[0], odd[0]);
        mcucc_mac(p, wide[1], even[1], odd[1]);
        mcucc_mac(q, next[1], even[1], odd[1]);
        wide += 2;
        next += 2;
        even += 2;
        odd += 2;
    }
    if (n > 0) {
        mcucc_mac(p, *wide, *even, *odd);
        mcucc_mac(q, *next, *even, *odd);
    }
}

#endif
