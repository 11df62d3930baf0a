/* From int32 accumulators to int8: the two rounding profiles of the contract.
 *
 *     y = clamp(round(acc * multiplier * 2^-shift) + zero_point, lo, hi)
 *
 * `multiplier` is in [0, 2^31), `shift` in [1, 62]. Right shifts of negative values floor, as every
 * compiler for these cores does. Results beyond +-2^30 are returned as +-2^30: a zero point can be
 * added without overflow, and the clamp to int8 makes them equal to the exact values.
 */
#ifndef MCUCC_REQUANTIZE_H
#define MCUCC_REQUANTIZE_H

#include <stdint.h>

#include "mcucc/compiler.h"

typedef enum {
    MCUCC_ROUND_SINGLE, /* the exact product rounded once, half up */
    MCUCC_ROUND_DIVIDE, /* LiteRT's pools: an integer division, half away from zero */
    MCUCC_ROUND_DOUBLE, /* LiteRT's reference: high multiply rounded, then shift rounded */
    MCUCC_ROUND_SHORT   /* as SINGLE where the compiler proved that 32 bits hold everything */
} mcucc_rounding;

#define MCUCC_REQUANTIZE_LIMIT ((int32_t)1 << 30)

MCUCC_INLINE int32_t mcucc_clamp(int32_t value, int32_t lo, int32_t hi)
{
    value = value < lo ? lo : value;
    return value > hi ? hi : value;
}

/* `value` saturated to int8. */
MCUCC_INLINE int32_t mcucc_saturate8(int32_t value)
{
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return result;
#else
    if ((uint32_t)value + 128u > 255u) { /* rarely: a branch is cheaper than two limits */
        value = value < 0 ? INT8_MIN : INT8_MAX;
    }
    return value;
#endif
}

MCUCC_INLINE int32_t mcucc_saturate_product(int64_t value)
{
    if (value > MCUCC_REQUANTIZE_LIMIT) {
        return MCUCC_REQUANTIZE_LIMIT;
    }
    return value < -MCUCC_REQUANTIZE_LIMIT ? -MCUCC_REQUANTIZE_LIMIT : (int32_t)value;
}

/* Factors of 1/4 and more, which need all 64 bits of the product: rare, and kept out of the way. */
MCUCC_OUTLINE int32_t mcucc_requantize_large(int32_t acc, int32_t multiplier, int32_t shift)
{
    const int64_t product = (int64_t)acc * multiplier;
    return mcucc_saturate_product(((product >> (shift - 1)) + 1) >> 1);
}

/* (acc * multiplier + 2^(shift - 1)) >> shift, written as ((product >> (shift - 1)) + 1) >> 1. */
MCUCC_INLINE int32_t mcucc_requantize(int32_t acc, int32_t multiplier, int32_t shift)
{
    const int32_t high = (int32_t)(((int64_t)acc * multiplier) >> 32);
    if (shift < 33) {
        return mcucc_requantize_large(acc, multiplier, shift);
    }
    return ((high >> (shift - 33)) + 1) >> 1;
}

/* Factors of 1/2 and more; above 1 the accumulator is shifted left first, saturating to int32. */
MCUCC_OUTLINE int32_t mcucc_requantize_double_large(int32_t acc, int32_t multiplier, int32_t shift)
{
    int64_t shifted = acc * ((int64_t)1 << (31 - shift));
    shifted = shifted > INT32_MAX ? INT32_MAX : shifted;
    shifted = shifted < INT32_MIN ? INT32_MIN : shifted;
    return mcucc_saturate_product((shifted * multiplier + ((int64_t)1 << 30)) >> 31);
}

/* MultiplyByQuantizedMultiplier of the LiteRT reference kernels: the doubling high multiply rounds
 * half up, the division by 2^(shift - 31) rounds half away from zero. */
MCUCC_INLINE int32_t mcucc_requantize_double(int32_t acc, int32_t multiplier, int32_t shift)
{
    const int64_t product = (int64_t)acc * multiplier;
    const int32_t high = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
    if (shift < 32) {
        return mcucc_requantize_double_large(acc, multiplier, shift);
    }
    return (((high + (high >> 31)) >> (shift - 32)) + 1) >> 1;
}

/* value / divisor to nearest, ties away from zero; |value| + divisor / 2 fits int32. */
MCUCC_INLINE int32_t mcucc_divide_half_away(int32_t value, int32_t divisor)
{
    /* no window is empty: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    return (value + (value < 0 ? -(divisor / 2) : divisor / 2)) / divisor;
}

/* acc as an output value: one of the roundings, the zero point, the fused activation. For SHORT the
 * zero point arrives as zero_point * 2^shift + 2^(shift - 1). */
MCUCC_INLINE int32_t mcucc_finish_value(int32_t acc, int32_t multiplier, int32_t shift,
                                        int32_t zero_point, int32_t lo, int32_t hi,
                                        mcucc_rounding rounding)
{
    if (rounding == MCUCC_ROUND_SHORT) {
        return mcucc_clamp((acc * multiplier + zero_point) >> shift, lo, hi);
    }
    const int32_t scaled = rounding == MCUCC_ROUND_DOUBLE
                               ? mcucc_requantize_double(acc, multiplier, shift)
                               : mcucc_requantize(acc, multiplier, shift);
    return mcucc_clamp(scaled + zero_point, lo, hi);
}

MCUCC_INLINE int8_t mcucc_finish(int32_t acc, int32_t multiplier, int32_t shift, int32_t zero_point,
                                 int32_t lo, int32_t hi, mcucc_rounding rounding)
{
    return (int8_t)mcucc_finish_value(acc, multiplier, shift, zero_point, lo, hi, rounding);
}

/* Clamp `count` bytes to [lo, hi]; returns at once where that is all of int8. */
MCUCC_INLINE void mcucc_clamp_bytes(int8_t *bytes, int32_t count, int32_t lo, int32_t hi)
{
    if (lo > -128 || hi < 127) {
        for (int32_t i = 0; i < count; ++i) {
            bytes[i] = (int8_t)mcucc_clamp(bytes[i], lo, hi);
        }
    }
}

#endif
