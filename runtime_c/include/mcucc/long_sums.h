/* 64-bit sums of products of int16 and int8. */
#ifndef MCUCC_LONG_SUMS_H
#define MCUCC_LONG_SUMS_H

#include "mcucc/compiler.h"

#include <stdint.h>

#define MCUCC_SHORT_SUM 256 /* products of at most 2^22 that int32 holds together */

/* sum + x[0..n) . w[0..n). */
MCUCC_INLINE int64_t mcucc_long_dot(int64_t sum, const int16_t *x, const int8_t *w, int32_t n)
{
    while (n > 0) {
        const int32_t part = n < MCUCC_SHORT_SUM ? n : MCUCC_SHORT_SUM;
        int32_t products = 0;
        for (int32_t i = 0; i < part; ++i) {
            products += (int32_t)x[i] * w[i];
        }
        sum += products;
        x += part;
        w += part;
        n -= part;
    }
    return sum;
}

/* The int64 of two words. */
MCUCC_INLINE int64_t mcucc_long_of(int32_t high, int32_t low)
{
    return (int64_t)((uint64_t)(uint32_t)high << 32 | (uint32_t)low);
}

#endif
