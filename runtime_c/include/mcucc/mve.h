/* Helium (MVE, Cortex-M55): whether the kernels run on it, and loops that every kernel needs.
 *
 * Beside each piece of assembly stands the C that means the same, so that the kernels build and
 * compute the same bytes on any machine. Assembly lives in functions of its own (`naked`): their
 * register plan stands above them.
 */
#ifndef MCUCC_MVE_H
#define MCUCC_MVE_H

#include <stdint.h>
#include <string.h>

#include "mcucc/core.h"
#include "mcucc/requantize.h"

/* Bytes of a vector. */
#define MCUCC_VECTOR 16

/* to[0..count) = from[0..count). */
MCUCC_INLINE void mcucc_copy_mve(int8_t *to, const int8_t *from, int32_t count)
{
#if MCUCC_MVE
    /* clang-format off */
    __asm volatile("wlstp.8 lr, %[count], 2f   \n"
                   "1:                         \n"
                   "vldrb.8 q0, [%[from]], #16 \n"
                   "vstrb.8 q0, [%[to]], #16   \n"
                   "letp lr, 1b                \n"
                   "2:                         \n"
                   : [to] "+r"(to), [from] "+r"(from)
                   : [count] "r"(count)
                   : "q0", "lr", "cc", "memory");
    /* clang-format on */
#else
    memcpy(to, from, (size_t)count);
#endif
}

/* to[0..count) = value. */
MCUCC_INLINE void mcucc_fill_mve(int8_t *to, int32_t value, int32_t count)
{
#if MCUCC_MVE
    /* clang-format off */
    __asm volatile("vdup.8 q0, %[value]      \n"
                   "wlstp.8 lr, %[count], 2f \n"
                   "1:                       \n"
                   "vstrb.8 q0, [%[to]], #16 \n"
                   "letp lr, 1b              \n"
                   "2:                       \n"
                   : [to] "+r"(to)
                   : [count] "r"(count), [value] "r"(value)
                   : "q0", "lr", "cc", "memory");
    /* clang-format on */
#else
    memset(to, value, (size_t)count);
#endif
}

/* Clamp bytes that are saturated already, where the activation is narrower than int8. */
MCUCC_INLINE void mcucc_clamp_mve(int8_t *bytes, int32_t count, int32_t lo, int32_t hi)
{
    if (lo <= -128 && hi >= 127) {
        return;
    }
#if MCUCC_MVE
    /* clang-format off */
    __asm volatile("vdup.8 q1, %[lo]              \n"
                   "vdup.8 q2, %[hi]              \n"
                   "wlstp.8 lr, %[count], 2f      \n"
                   "1:                            \n"
                   "vldrb.8 q0, [%[bytes]]        \n"
                   "vmax.s8 q0, q0, q1            \n"
                   "vmin.s8 q0, q0, q2            \n"
                   "vstrb.8 q0, [%[bytes]], #16   \n"
                   "letp lr, 1b                   \n"
                   "2:                            \n"
                   : [bytes] "+r"(bytes)
                   : [count] "r"(count), [lo] "r"(lo), [hi] "r"(hi)
                   : "q0", "q1", "q2", "lr", "cc", "memory");
    /* clang-format on */
#else
    for (int32_t i = 0; i < count; ++i) {
        bytes[i] = (int8_t)mcucc_clamp(bytes[i], lo, hi);
    }
#endif
}

#endif
