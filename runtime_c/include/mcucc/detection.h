/* What finds boxes and points shares: records, and places and scores from bytes.
 *
 * A place is in sixteenths of a pixel of the network's input, a score in 65535ths. Records lie at
 * any address, so they are copied in and out.
 */
#ifndef MCUCC_DETECTION_H
#define MCUCC_DETECTION_H

#include "mcucc/boxes.h"
#include "mcucc/compiler.h"

#define MCUCC_BASE_SHIFT 12 /* bases have so many bits more than a sixteenth of a pixel */
#define MCUCC_NO_MAP (-1)   /* the input of numbers that a head has not */

/* A function of a byte as an integer: from its table, or the byte itself less a zero point, with 16
 * bits behind the point. */
MCUCC_INLINE int32_t mcucc_byte_function(const int32_t *table, int32_t zero, int8_t x)
{
    return table == NULL ? (x - zero) * 65536 : table[x + 128];
}

MCUCC_INLINE uint32_t mcucc_byte_score(const uint16_t *table, int8_t x)
{
    return table[x + 128];
}

/* How many of `count` bytes, `step` apart, are less than `least` before the first that is not: what
 * most of the bytes of a map cost. */
MCUCC_OUTLINE int32_t mcucc_bytes_below(const int8_t *x, int32_t step, int32_t count, int32_t least)
{
    const int32_t two = 2 * step;
    const int32_t three = 3 * step;
    int32_t left = count;
    for (; left >= 4; left -= 4) {
        if (x[0] >= least || x[step] >= least || x[two] >= least || x[three] >= least) {
            break;
        }
        x += 4 * step;
    }
    for (; left > 0 && *x < least; --left) {
        x += step;
    }
    return count - left;
}

/* a * b / 65535, rounded to nearest, of scores: no step leaves 32 bits. */
MCUCC_INLINE uint32_t mcucc_score_product(uint32_t a, uint32_t b)
{
    const uint32_t t = a * b + 32768u;
    return (t + (t >> 16)) >> 16;
}

/* floor(part * 2^bits / whole), part <= whole <= 2^31: cores without a divider have no faster way
 * to so many bits. */
MCUCC_INLINE uint32_t mcucc_quotient(uint32_t part, uint32_t whole, int32_t bits)
{
    uint32_t quotient = 0;
    for (; bits >= 0; --bits) {
        quotient <<= 1;
        if (part >= whole) {
            part -= whole;
            quotient |= 1u;
        }
        part <<= 1;
    }
    return quotient;
}

/* A base as the beginning of a sum. */
MCUCC_INLINE int64_t mcucc_place_base(int32_t base, int32_t shift)
{
    return (int64_t)base * ((int64_t)1 << (shift - MCUCC_BASE_SHIFT));
}

/* A sum of base and products as a place. */
MCUCC_INLINE int16_t mcucc_place(int64_t sum, int32_t shift)
{
    const int64_t place = (sum + ((int64_t)1 << (shift - 1))) >> shift;
    if (place > INT16_MAX) {
        return INT16_MAX;
    }
    return place < INT16_MIN ? INT16_MIN : (int16_t)place;
}

#endif
