/* From accumulators to int8 in the cheapest form that is exact for a layer, on any core.
 *
 *     y = saturate((value + addend) >> shift), addend = (2 * zero_point + 1) << (shift - 1), shift > 0
 *
 * The compiler proves which form equals the contract for every accumulator that the layer can reach
 * (mcucc/kernels/requantize.py):
 *   SHORT   value = acc * multiplier in 32 bits, one shift for the layer
 *   COMMON  value = the high word of acc * multiplier, one shift for the layer
 *   SHIFT   the same with a shift for every channel
 *   DOUBLE  LiteRT's two roundings: the high word of 2 * acc * multiplier, rounded, nudged
 * A fused activation narrower than int8 is applied to whole spans afterwards (mcucc_clamp_bytes).
 */
#ifndef MCUCC_FINISH_H
#define MCUCC_FINISH_H

#include "mcucc/requantize.h"

typedef enum {
    MCUCC_FINISH_SHORT,
    MCUCC_FINISH_COMMON,
    MCUCC_FINISH_SHIFT,
    MCUCC_FINISH_DOUBLE
} mcucc_finish_form;

/* What one output channel needs, loaded once for several pixels. */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t addend;
    int32_t shift;
} mcucc_finish_channel;

/* The constants of a layer; tables have one entry a channel. */
typedef struct {
    const int32_t *bias;    /* the input's zero point already folded in */
    const void *multiplier; /* SHORT: uint16_t, otherwise int32_t */
    const uint8_t *shifts;  /* NULL where the layer has one shift */
    int32_t addend;         /* with one shift; otherwise 2 * zero_point + 1 */
    int32_t shift;          /* with one shift */
} mcucc_finish_tables;

/* The high word of a * b, 0 <= b. */
MCUCC_INLINE int32_t mcucc_high_product(int32_t a, int32_t b)
{
#if defined(__ARM_ARCH_6M__) /* no long multiplication: four short ones */
    const uint32_t low = (uint32_t)a & 0xffffu;
    const uint32_t b_low = (uint32_t)b & 0xffffu;
    const int32_t high = a >> 16;
    const int32_t b_high = b >> 16;
    const int32_t middle = high * (int32_t)b_low + (int32_t)((low * b_low) >> 16);
    const uint32_t rest = low * (uint32_t)b_high + ((uint32_t)middle & 0xffffu);
    return high * b_high + (middle >> 16) + (int32_t)(rest >> 16);
#else
    return (int32_t)(((int64_t)a * b) >> 32);
#endif
}

MCUCC_INLINE mcucc_finish_channel mcucc_finish_load(const mcucc_finish_tables *tables,
                                                    int32_t channel, mcucc_finish_form form)
{
    mcucc_finish_channel loaded = {tables->bias[channel], 0, tables->addend, tables->shift};
    if (form == MCUCC_FINISH_SHORT) {
        loaded.multiplier = ((const uint16_t *)tables->multiplier)[channel];
    } else {
        loaded.multiplier = ((const int32_t *)tables->multiplier)[channel];
    }
    if (form == MCUCC_FINISH_SHIFT || form == MCUCC_FINISH_DOUBLE) {
        loaded.shift = tables->shifts[channel];
        loaded.addend = (int32_t)((uint32_t)tables->addend << (loaded.shift - 1));
    }
    return loaded;
}

/* `sum` is the accumulator without its bias. */
MCUCC_INLINE int8_t mcucc_finish_sum(int32_t sum, mcucc_finish_channel channel,
                                     mcucc_finish_form form)
{
    const int32_t acc = sum + channel.bias;
    int32_t value;
    if (form == MCUCC_FINISH_SHORT) {
        value = acc * channel.multiplier;
    } else if (form == MCUCC_FINISH_COMMON || form == MCUCC_FINISH_SHIFT) {
        value = mcucc_high_product(acc, channel.multiplier);
    } else {
        const int64_t product = (int64_t)acc * channel.multiplier;
        const int32_t high = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
        value = high + (high >> 31);
    }
    return (int8_t)mcucc_saturate8((value + channel.addend) >> channel.shift);
}

#endif
