/* How the sums of a GlobalAveragePool begin and end, whatever adds the pixels in between. */
#ifndef MCUCC_GLOBAL_SUMS_H
#define MCUCC_GLOBAL_SUMS_H

#include "mcucc/global_average_pool.h"
#include "mcucc/requantize.h"

MCUCC_INLINE void mcucc_global_sums_begin(const mcucc_global_average_pool_params *params,
                                          int32_t *sums)
{
    for (int32_t channel = 0; channel < params->channels; ++channel) {
        sums[channel] = params->bias;
    }
}

MCUCC_INLINE void mcucc_global_sums_finish(const mcucc_global_average_pool_params *params,
                                           const int32_t *sums, int8_t *out)
{
    const mcucc_global_average_pool_params p = *params;
    for (int32_t channel = 0; channel < p.channels; ++channel) {
        int32_t scaled;
        if (p.divisor != 0) {
            scaled = mcucc_divide_half_away(sums[channel], p.divisor);
        } else if (p.double_rounding) {
            scaled = mcucc_requantize_double(sums[channel], p.multiplier, p.shift);
        } else {
            scaled = mcucc_requantize(sums[channel], p.multiplier, p.shift);
        }
        out[channel] = (int8_t)mcucc_clamp(scaled + p.output_zero_point, p.lo, p.hi);
    }
}

#endif
