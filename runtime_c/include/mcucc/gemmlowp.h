/* Fixed-point steps of gemmlowp, in which LiteRT's reference kernels compute. */
#ifndef MCUCC_GEMMLOWP_H
#define MCUCC_GEMMLOWP_H

#include <stdint.h>

#include "mcucc/compiler.h"

/* a * b / 2^31, rounded half up. */
MCUCC_INLINE int32_t mcucc_high_multiply(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

MCUCC_INLINE int32_t mcucc_saturating_shift_left(int32_t value, int32_t bits)
{
    const int64_t shifted = (int64_t)value * ((int64_t)1 << bits);
    if (shifted > INT32_MAX) {
        return INT32_MAX;
    }
    return shifted < INT32_MIN ? INT32_MIN : (int32_t)shifted;
}

#endif
