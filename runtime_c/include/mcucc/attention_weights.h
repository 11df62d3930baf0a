/* From scores to weights, and from sums of weights to a multiplier: what attention's kernels share.
 */
#ifndef MCUCC_ATTENTION_WEIGHTS_H
#define MCUCC_ATTENTION_WEIGHTS_H

#include <string.h>

#include "mcucc/attention.h"
#include "mcucc/requantize.h"

#define MCUCC_ATTENTION_DOUBLINGS 17
#define MCUCC_ATTENTION_MASK_SCORE (-(INT32_C(1) << 30))

/* A weight from a distance in steps. */
MCUCC_INLINE int32_t mcucc_attention_weight(const uint16_t *powers, int32_t steps,
                                            int32_t fewer_bits)
{
    const int32_t shift = (steps >> 8) + fewer_bits;
    if (steps >= MCUCC_ATTENTION_DOUBLINGS << 8) {
        return 0;
    }
    return (powers[steps & 255] + (INT32_C(1) << shift >> 1)) >> shift;
}

/* Adds the bias of a head to its scores. */
MCUCC_INLINE void mcucc_attention_add_bias(int32_t *scores, const int16_t *bias, int32_t keys,
                                           int32_t shift)
{
    for (int32_t key = 0; key < keys; ++key) {
        scores[key] = bias[key] == INT16_MIN ? MCUCC_ATTENTION_MASK_SCORE
                                             : scores[key] + bias[key] * (INT32_C(1) << shift);
    }
}

/* All weights of a head, written over its scores, two bytes in place of four; returns their sum. */
MCUCC_INLINE uint32_t mcucc_attention_weights(const mcucc_attention_params *p,
                                              const int32_t *scores, int16_t *weights, int32_t keys)
{
    const int32_t multiplier = p->steps_multiplier;
    const int32_t shift = p->steps_shift;
    const int32_t fewer_bits = p->fewer_bits;
    const uint16_t *const powers = p->powers;
    int32_t largest = scores[0];
    uint32_t total = 0;
    for (int32_t key = 1; key < keys; ++key) {
        largest = scores[key] > largest ? scores[key] : largest;
    }
    for (int32_t key = 0; key < keys; ++key) {
        int32_t score;
        memcpy(&score, scores + key, sizeof score); /* other types in one place: as bytes */
        const int32_t steps = mcucc_requantize(largest - score, multiplier, shift);
        const int32_t weight = mcucc_attention_weight(powers, steps, fewer_bits);
        const int16_t narrow = (int16_t)weight;
        memcpy(weights + key, &narrow, sizeof narrow);
        total += (uint32_t)weight;
    }
    return total;
}

typedef struct {
    int32_t multiplier;
    int32_t shift;
} mcucc_attention_factor;

/* factor / total: the sum of weights has 16 bits that count. */
MCUCC_INLINE mcucc_attention_factor mcucc_attention_reciprocal(const mcucc_attention_params *p,
                                                               uint32_t total)
{
    int32_t zeros = 0;
    while (total < UINT32_C(1) << 31) {
        total <<= 1;
        ++zeros;
    }
    const uint32_t divisor = total >> 16;
    const uint32_t reciprocal = ((UINT32_C(1) << 31) + divisor / 2u) / divisor;
    const mcucc_attention_factor found = {
        (int32_t)(reciprocal * (uint32_t)p->factor),
        47 - zeros + p->factor_shift,
    };
    return found;
}

/* The bias of a query; NULL where there is none. */
MCUCC_INLINE const int16_t *mcucc_attention_bias(const mcucc_attention_params *p, int32_t row,
                                                 int32_t column)
{
    return p->bias == NULL ? NULL : p->bias + row * p->bias_row + column * p->bias_query;
}

#endif
