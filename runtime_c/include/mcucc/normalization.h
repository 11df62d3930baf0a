/* What norms share: from the sums of N values to n = q * factor - offset, in units of 2^-15 of what
 * a channel's factor takes.
 *
 *     w = N * sum q^2 - (sum q)^2 + epsilon, factor = N / sqrt(w), offset = sum q / sqrt(w)
 *
 * |n| is at most sqrt(N): the product and the difference are right modulo 2^32.
 */
#ifndef MCUCC_NORMALIZATION_H
#define MCUCC_NORMALIZATION_H

#include "mcucc/requantize.h"

#define MCUCC_NORMAL_RUN 65536 /* values whose squares fit int32 together */

typedef struct {
    int32_t count;    /* N */
    int32_t fraction; /* bits of w behind the point, even */
    int32_t epsilon;  /* epsilon * 2^epsilon_shift is added to w */
    int32_t epsilon_shift;
    int32_t centered;   /* 0: about `zero_point` instead of the mean */
    int32_t zero_point; /* of the input */
    int32_t exponent;   /* of factor and offset */
} mcucc_normal;

typedef struct {
    uint32_t factor;
    uint32_t offset; /* with half a unit of n taken off */
} mcucc_normal_factors;

/* Adds `count` values and their squares. */
MCUCC_INLINE void mcucc_add_values(const int8_t *x, int32_t count, int64_t *sum, int64_t *squares)
{
    while (count > 0) {
        const int32_t run = count < MCUCC_NORMAL_RUN ? count : MCUCC_NORMAL_RUN;
        int32_t values = 0;
        int32_t products = 0;
        for (int32_t i = 0; i < run; ++i) {
            values += x[i];
            products += (int32_t)x[i] * x[i];
        }
        *sum += values;
        *squares += products;
        x += run;
        count -= run;
    }
}

/* sqrt(v) to nearest, v in [2^30, 2^32). */
MCUCC_INLINE uint32_t mcucc_rounded_root(uint32_t v)
{
#if defined(__ARM_ARCH_6M__) /* no division: bit by bit */
    uint32_t root = 0;
    uint32_t rest = v;
    for (uint32_t bit = UINT32_C(1) << 30; bit != 0; bit >>= 2) {
        const uint32_t tried = root + bit;
        root >>= 1;
        if (rest >= tried) {
            rest -= tried;
            root += bit;
        }
    }
#else
    /* v / 2^30 / 3 + 0.7083 is within 4.2 %, Newton makes of it 0.09 % and 4e-7: less than one off,
     * and one more for what its divisions drop. */
    uint32_t root = (((v >> 16) * 43691u) >> 16) + 23211u;
    root = (root + v / root) >> 1;
    root = (root + v / root) >> 1;
    root -= root > v / root;
    uint32_t rest = v - root * root;
    if (rest > 2 * root) {
        rest -= 2 * root + 1;
        ++root;
    }
#endif
    return rest > root ? root + 1u : root;
}

MCUCC_INLINE int64_t mcucc_shifted(int64_t value, int32_t exponent)
{
    if (exponent >= 0) {
        return value * ((int64_t)1 << exponent);
    }
    return (value + ((int64_t)1 << (-exponent - 1))) >> -exponent;
}

MCUCC_INLINE mcucc_normal_factors mcucc_normal_of(const mcucc_normal *p, int64_t sum,
                                                  int64_t squares)
{
    const int64_t n = p->count;
    const int64_t zero = p->zero_point;
    int64_t spread = n * squares - sum * sum;
    int32_t exponent = p->exponent;
    if (!p->centered) {
        spread = n * (squares - 2 * zero * sum + n * zero * zero);
        sum = n * zero;
    }
    uint64_t w = ((uint64_t)spread << p->fraction) + ((uint64_t)p->epsilon << p->epsilon_shift);
    w = w == 0 ? 1 : w;
#if defined(__GNUC__) && !defined(__ARM_ARCH_6M__)
    const int32_t zeros = __builtin_clzll(w) & ~1;
    w = (w << zeros) >> 32;
    exponent += zeros / 2 - 16;
#else
    for (; w >= UINT64_C(1) << 40; w >>= 8) {
        exponent -= 4;
    }
    for (; w >= UINT64_C(1) << 32; w >>= 2) {
        --exponent;
    }
    for (; w < UINT64_C(1) << 24; w <<= 8) {
        exponent += 4;
    }
    for (; w < UINT64_C(1) << 30; w <<= 2) {
        ++exponent;
    }
#endif
    const uint32_t root = mcucc_rounded_root((uint32_t)w);
    const int64_t reciprocal = ((UINT32_C(1) << 31) + (root >> 1)) / root;
    const mcucc_normal_factors found = {
        (uint32_t)mcucc_shifted(n * reciprocal, exponent),
        (uint32_t)mcucc_shifted(sum * reciprocal, exponent) - (UINT32_C(1) << 14),
    };
    return found;
}

/* One value: y = (n * factor + offset) >> shift. */
MCUCC_INLINE int8_t mcucc_normalized(mcucc_normal_factors f, int32_t q, int32_t factor,
                                     int32_t offset, int32_t shift)
{
    const int32_t n = (int32_t)((uint32_t)q * f.factor - f.offset) >> 15;
    return (int8_t)mcucc_saturate8((n * factor + offset) >> shift);
}

#endif
