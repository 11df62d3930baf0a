/* Requantization on Armv7E-M, in the cheapest form that is exact for a layer.
 *
 *     y = saturate(round(acc * M) + zero_point)
 *
 * Four forms; the compiler proves which of them equals the contract for every accumulator that
 * the layer can reach (mcucc/kernels/requantize.py):
 *   HIGH    M = multiplier * 2^-32.                            SMMLAR, SSAT
 *   SHIFT   M = multiplier * 2^-(33 + shift), rounded once.    SMMLA, ASR, SSAT
 *   COMMON  SHIFT with one shift, and so one addend, for the layer.
 *   DOUBLE  LiteRT's two roundings, M = multiplier * 2^-(32 + shift).
 *                                                   ADD, SMMULR, ADD, ADD, ASR, SSAT
 * A fused activation narrower than int8 is applied to whole spans afterwards (mcucc_clamp_bytes).
 */
#ifndef MCUCC_FINISH_ARMV7EM_H
#define MCUCC_FINISH_ARMV7EM_H

#include "mcucc/armv7em.h"

typedef enum { MCUCC_FORM_HIGH, MCUCC_FORM_COMMON, MCUCC_FORM_SHIFT, MCUCC_FORM_DOUBLE } mcucc_form;

/* What one output channel needs, loaded once for several pixels. */
typedef struct {
    int32_t multiplier;
    int32_t addend;
    int32_t shift;
} mcucc_factor;

/* `shift` is NULL for the form HIGH. */
MCUCC_INLINE mcucc_factor mcucc_load_factor(const int32_t *multiplier, const uint8_t *shift,
                                            int32_t zero_point, int32_t channel, mcucc_form form)
{
    mcucc_factor factor = {multiplier[channel], zero_point, 0};
    if (form != MCUCC_FORM_HIGH) {
        factor.shift = shift[channel];
        factor.addend = (int32_t)((uint32_t)(2 * zero_point + 1) << factor.shift);
    }
    return factor;
}

MCUCC_INLINE int8_t mcucc_finish_factor(int32_t acc, mcucc_factor factor, mcucc_form form)
{
    if (form == MCUCC_FORM_HIGH) {
        const int32_t scaled = mcucc_high_mac_rounded(acc, factor.multiplier, factor.addend);
        return (int8_t)mcucc_saturate8(scaled);
    }
    if (form == MCUCC_FORM_COMMON || form == MCUCC_FORM_SHIFT) {
        const int32_t scaled = mcucc_high_mac(acc, factor.multiplier, factor.addend);
        return (int8_t)mcucc_halve_saturate8(scaled >> factor.shift);
    }
    const int32_t high = mcucc_high_mac_rounded(acc + acc, factor.multiplier, 0);
    const int32_t nudged = high + (high >> 31) + factor.addend;
    return (int8_t)mcucc_halve_saturate8(nudged >> factor.shift);
}

#endif
