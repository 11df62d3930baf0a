/* Runs of bytes, copied or through a table: many are short, and the memcpy of small libraries takes
 * five instructions a byte.
 */
#ifndef MCUCC_BYTES_H
#define MCUCC_BYTES_H

#include <stdint.h>
#include <string.h>

#include "mcucc/compiler.h"

/* y[i] = x[i]; they do not overlap. Where cores take words from any address it is two a step. */
MCUCC_INLINE void mcucc_copy_bytes(int8_t *y, const int8_t *x, int32_t count)
{
    for (; count >= 8; count -= 8) {
        memcpy(y, x, 8);
        x += 8;
        y += 8;
    }
    if (count >= 4) {
        memcpy(y, x, 4);
        x += 4;
        y += 4;
        count -= 4;
    }
    for (; count > 0; --count) {
        *y++ = *x++;
    }
}

/* y[i] = table[x[i] + 128]. y may be x: each is read before it is written. */
MCUCC_INLINE void mcucc_map_bytes(const int8_t *table, int8_t *y, const int8_t *x, int32_t count)
{
    const int8_t *const zero = table + 128;
    for (; count >= 4; count -= 4) {
        const int8_t first = zero[x[0]];
        const int8_t second = zero[x[1]];
        const int8_t third = zero[x[2]];
        const int8_t fourth = zero[x[3]];
        y[0] = first;
        y[1] = second;
        y[2] = third;
        y[3] = fourth;
        x += 4;
        y += 4;
    }
    for (; count > 0; --count) {
        *y++ = zero[*x++];
    }
}

#endif
