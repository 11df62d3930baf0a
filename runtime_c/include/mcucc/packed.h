/* Weights of 4 or 2 bits, several in a number: the upper bits of int8 weights whose others are 0.
 *
 * Fields lie from the lowest bits up: 4 bits are two a byte, the first weight in bits 0 to 3; 2 bits
 * are four a byte, the first in bits 0 and 1. A word is four such bytes, little endian.
 */
#ifndef MCUCC_PACKED_H
#define MCUCC_PACKED_H

#include "mcucc/compiler.h"
#include "mcucc/mcucc.h"

/* What every weight of so many bits is a multiple of. */
#define MCUCC_PACKED_STEP(bits) (1 << (8 - (bits)))

/* Field `index` of a word in steps: -8..7 or -2..1. */
MCUCC_INLINE int32_t mcucc_packed_field(uint32_t word, int32_t index, int32_t bits)
{
    return (int32_t)(word << (32 - bits * (index + 1))) >> (32 - bits);
}

/* `count` weights from a byte on, as int8. */
MCUCC_INLINE void mcucc_unpack(const uint8_t *packed, int8_t *weights, int32_t count, int32_t bits)
{
    const int32_t each = 8 / bits;
    for (; count > 0; count -= each) {
        const uint32_t byte = *packed++;
        const int32_t here = count < each ? count : each;
        for (int32_t i = 0; i < here; ++i) {
            *weights++ = (int8_t)(mcucc_packed_field(byte, i, bits) * MCUCC_PACKED_STEP(bits));
        }
    }
}

#endif
