/* The DSP instructions of Armv7E-M (Cortex-M4, M7, M33 with DSP) that the kernels use, with what
 * they mean in C beside them: the same kernels build and compute the same bytes on any machine.
 *
 * A "pair" is a word of two signed halfwords, `bottom` in bits 0-15 and `top` in bits 16-31.
 */
#ifndef MCUCC_ARMV7EM_H
#define MCUCC_ARMV7EM_H

#include <stdint.h>
#include <string.h>

#include "mcucc/core.h"
#include "mcucc/requantize.h"

/* Instructions that the compiler may know by itself, so that it can schedule them. gcc before 10
 * does not, and its arm_acle.h has no types for them: nothing is included. */
#if defined(__has_builtin) && !defined(MCUCC_OLD_COMPILER)
#if __has_builtin(__builtin_arm_smlad) && __has_builtin(__builtin_arm_sxtb16)
#define MCUCC_DSP_BUILTIN 1
#endif
#endif
#ifndef MCUCC_DSP_BUILTIN
#define MCUCC_DSP_BUILTIN 0
#endif

MCUCC_INLINE int32_t mcucc_bottom(uint32_t pair)
{
    return (int16_t)(uint16_t)pair;
}

MCUCC_INLINE int32_t mcucc_top(uint32_t pair)
{
    return (int16_t)(uint16_t)(pair >> 16);
}

MCUCC_INLINE uint32_t mcucc_pair(int32_t bottom, int32_t top)
{
    return ((uint32_t)bottom & UINT32_C(0xffff)) | (uint32_t)top << 16;
}

/* A word at any address. */
MCUCC_INLINE uint32_t mcucc_load(const void *address)
{
    uint32_t word;
    memcpy(&word, address, sizeof word);
    return word;
}

/* The signed bytes 0 and 2 of a word as a pair. */
MCUCC_INLINE uint32_t mcucc_even_bytes(uint32_t word)
{
#if MCUCC_DSP && MCUCC_DSP_BUILTIN
    return (uint32_t)__builtin_arm_sxtb16((int32_t)word);
#elif MCUCC_DSP
    uint32_t pair;
    __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(word));
    return pair;
#else
    return mcucc_pair((int8_t)(uint8_t)word, (int8_t)(uint8_t)(word >> 16));
#endif
}

/* The signed bytes 1 and 3 of a word as a pair: gcc folds the rotation into SXTB16. */
MCUCC_INLINE uint32_t mcucc_odd_bytes(uint32_t word)
{
#if MCUCC_DSP
    uint32_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
#else
    return mcucc_even_bytes(word >> 8);
#endif
}

/* `sums` plus the signed bytes 0 and 2 of a word, and plus its bytes 1 and 3; both fit. */
MCUCC_INLINE uint32_t mcucc_add_even_bytes(uint32_t sums, uint32_t word)
{
#if MCUCC_DSP
    __asm__("sxtab16 %0, %0, %1" : "+r"(sums) : "r"(word));
    return sums;
#else
    const uint32_t pair = mcucc_even_bytes(word);
    return mcucc_pair(mcucc_bottom(sums) + mcucc_bottom(pair), mcucc_top(sums) + mcucc_top(pair));
#endif
}

MCUCC_INLINE uint32_t mcucc_add_odd_bytes(uint32_t sums, uint32_t word)
{
#if MCUCC_DSP
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(sums) : "r"(word));
    return sums;
#else
    return mcucc_add_even_bytes(sums, word >> 8);
#endif
}

/* (a.bottom - b.bottom, a.top - b.top); both differences fit. */
MCUCC_INLINE uint32_t mcucc_less_pair(uint32_t a, uint32_t b)
{
#if MCUCC_DSP
    uint32_t pair;
    __asm__("ssub16 %0, %1, %2" : "=r"(pair) : "r"(a), "r"(b) : "cc");
    return pair;
#else
    return mcucc_pair(mcucc_bottom(a) - mcucc_bottom(b), mcucc_top(a) - mcucc_top(b));
#endif
}

/* Both bottoms as a pair: (a.bottom, b.bottom). */
MCUCC_INLINE uint32_t mcucc_bottoms(uint32_t a, uint32_t b)
{
#if MCUCC_DSP
    uint32_t pair;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(pair) : "r"(a), "r"(b));
    return pair;
#else
    return (a & UINT32_C(0xffff)) | b << 16;
#endif
}

/* Both tops as a pair: (a.top, b.top). */
MCUCC_INLINE uint32_t mcucc_tops(uint32_t a, uint32_t b)
{
#if MCUCC_DSP
    uint32_t pair;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(pair) : "r"(b), "r"(a));
    return pair;
#else
    return a >> 16 | (b & UINT32_C(0xffff0000));
#endif
}

/* sum + a.bottom * b.bottom + a.top * b.top. */
MCUCC_INLINE int32_t mcucc_dot2(uint32_t a, uint32_t b, int32_t sum)
{
#if MCUCC_DSP && MCUCC_DSP_BUILTIN
    return __builtin_arm_smlad((int32_t)a, (int32_t)b, sum);
#elif MCUCC_DSP
    int32_t result;
    __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
#else
    return sum + mcucc_bottom(a) * mcucc_bottom(b) + mcucc_top(a) * mcucc_top(b);
#endif
}

/* sum + one half of a * one half of b. */
MCUCC_INLINE int32_t mcucc_mac_bb(uint32_t a, uint32_t b, int32_t sum)
{
#if MCUCC_DSP
    int32_t result;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
#else
    return sum + mcucc_bottom(a) * mcucc_bottom(b);
#endif
}

MCUCC_INLINE int32_t mcucc_mac_bt(uint32_t a, uint32_t b, int32_t sum)
{
#if MCUCC_DSP
    int32_t result;
    __asm__("smlabt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
#else
    return sum + mcucc_bottom(a) * mcucc_top(b);
#endif
}

MCUCC_INLINE int32_t mcucc_mac_tb(uint32_t a, uint32_t b, int32_t sum)
{
#if MCUCC_DSP
    int32_t result;
    __asm__("smlatb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
#else
    return sum + mcucc_top(a) * mcucc_bottom(b);
#endif
}

MCUCC_INLINE int32_t mcucc_mac_tt(uint32_t a, uint32_t b, int32_t sum)
{
#if MCUCC_DSP
    int32_t result;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
#else
    return sum + mcucc_top(a) * mcucc_top(b);
#endif
}

/* addend + the high word of a * b, floored. */
MCUCC_INLINE int32_t mcucc_high_mac(int32_t a, int32_t b, int32_t addend)
{
#if MCUCC_DSP
    int32_t result;
    __asm__("smmla %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(addend));
    return result;
#else
    return addend + (int32_t)(((int64_t)a * b) >> 32);
#endif
}

/* addend + the high word of a * b, rounded to nearest, ties up. */
MCUCC_INLINE int32_t mcucc_high_mac_rounded(int32_t a, int32_t b, int32_t addend)
{
#if MCUCC_DSP
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(addend));
    return result;
#else
    return addend + (int32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32);
#endif
}

/* value >> 1, floored and saturated to int8. */
MCUCC_INLINE int32_t mcucc_halve_saturate8(int32_t value)
{
#if MCUCC_DSP
    int32_t result;
    __asm__("ssat %0, #8, %1, asr #1" : "=r"(result) : "r"(value));
    return result;
#else
    return mcucc_clamp(value >> 1, -128, 127);
#endif
}

/* The signed byte `index` of a word, 0 the lowest. */
MCUCC_INLINE int32_t mcucc_byte(uint32_t word, int32_t index)
{
    return (int8_t)(uint8_t)(word >> 8 * index);
}

/* The larger of both signed bytes, four times. SSUB8 leaves in the flags GE where a >= b. */
MCUCC_INLINE uint32_t mcucc_larger_bytes(uint32_t a, uint32_t b)
{
#if MCUCC_DSP
    uint32_t difference;
    __asm__("ssub8 %1, %0, %2\n\tsel %0, %0, %2" : "+r"(a), "=&r"(difference) : "r"(b) : "cc");
    return a;
#else
    uint32_t larger = 0;
    for (int32_t i = 0; i < 4; ++i) {
        const uint32_t from = mcucc_byte(a, i) >= mcucc_byte(b, i) ? a : b;
        larger |= from & UINT32_C(0xff) << 8 * i;
    }
    return larger;
#endif
}

/* A word at any address. */
MCUCC_INLINE void mcucc_store_word(void *address, uint32_t word)
{
    memcpy(address, &word, sizeof word);
}

#endif
