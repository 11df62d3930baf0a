/* Runs of bytes through a table. */
#ifndef MCUCC_BYTES_H
#define MCUCC_BYTES_H

#include <stdint.h>

#include "mcucc/compiler.h"

MCUCC_INLINE void mcucc_map_four(const int8_t *zero, int8_t *y, const int8_t *x)
{
    const int8_t first = zero[x[0]];
    const int8_t second = zero[x[1]];
    const int8_t third = zero[x[2]];
    const int8_t fourth = zero[x[3]];
    y[0] = first;
    y[1] = second;
    y[2] = third;
    y[3] = fourth;
}

/* y[i] = table[x[i] + 128]. y may be x: each is read before it is written. */
MCUCC_INLINE void mcucc_map_bytes(const int8_t *table, int8_t *y, const int8_t *x, int32_t count)
{
    const int8_t *const zero = table + 128;
    for (; count >= 8; count -= 8) {
        mcucc_map_four(zero, y, x);
        mcucc_map_four(zero, y + 4, x + 4);
        x += 8;
        y += 8;
    }
    for (; count > 0; --count) {
        *y++ = zero[*x++];
    }
}

#endif
