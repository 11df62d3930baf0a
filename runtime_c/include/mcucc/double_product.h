/* A sum times an IEEE double, rounded as LiteRT's fully connected layers of int16 do, in integers.
 *
 *     y = round(double(acc) * factor),    factor = (high * 2^32 + low) * 2^-shift
 *
 * The product is a double: it has 53 bits, rounded to nearest. Then halves go away from zero.
 * factor is in [2^-64, 2^13], its mantissa high * 2^32 + low has 53 bits.
 */
#ifndef MCUCC_DOUBLE_PRODUCT_H
#define MCUCC_DOUBLE_PRODUCT_H

#include "mcucc/requantize.h"

/* Bits of `top`, which is below 2^63, beyond its lowest 21: a mantissa has 53 and 32 lie below. */
MCUCC_INLINE int32_t mcucc_bits_beyond_21(uint64_t top)
{
#if defined(__GNUC__)
    return top < (UINT64_C(1) << 21) ? 0 : 64 - 21 - __builtin_clzll(top);
#else
    int32_t bits = 0;
    for (top >>= 21; top != 0; top >>= 1) {
        ++bits;
    }
    return bits;
#endif
}

/* |acc| < 2^42. Results beyond +-2^20 are returned as +-2^20: any clamp to int16 makes them equal.
 */
MCUCC_INLINE int32_t mcucc_round_double_product(int64_t acc, uint32_t high, uint32_t low,
                                                int32_t shift)
{
    const int32_t limit = (int32_t)1 << 20;
    const uint64_t magnitude = acc < 0 ? UINT64_C(0) - (uint64_t)acc : (uint64_t)acc;
    const uint32_t acc_low = (uint32_t)magnitude;
    const uint64_t acc_high = magnitude >> 32;
    const uint64_t lowest = (uint64_t)acc_low * low;
    const uint64_t bottom = (uint32_t)lowest;
    /* The product is top * 2^32 + bottom. */
    const uint64_t top =
        (acc_high * high << 32) + (uint64_t)acc_low * high + acc_high * low + (lowest >> 32);
    const int32_t dropped = mcucc_bits_beyond_21(top);
    const int32_t left = shift - dropped; /* bits of the mantissa behind the point */
    uint64_t mantissa = top << 32 | bottom;

    /* Half up, where a double's ties go to even: a tie next to a half of y is even there. */
    if (dropped > 32) {
        mantissa = ((top >> (dropped - 33)) + 1) >> 1;
    } else if (dropped > 0) {
        mantissa = (top << (32 - dropped)) + (((bottom >> (dropped - 1)) + 1) >> 1);
    }
    if (left > 54) {
        return 0;
    }
    const uint64_t rounded = left < 33 ? (uint64_t)limit : ((mantissa >> (left - 1)) + 1) >> 1;
    const int32_t value = rounded > (uint64_t)limit ? limit : (int32_t)rounded;
    return acc < 0 ? -value : value;
}

#endif
