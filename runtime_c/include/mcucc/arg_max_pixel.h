/* The index of the largest of a pixel's channels, for both units of ArgMax.
 */
#ifndef MCUCC_ARG_MAX_PIXEL_H
#define MCUCC_ARG_MAX_PIXEL_H

#include "mcucc/arg_max.h"
#include "mcucc/compiler.h"

MCUCC_INLINE int32_t mcucc_arg_max_pixel(const mcucc_arg_max_params *params, const int8_t *x)
{
    const int32_t sign = params->largest != 0 ? 1 : -1;
    const int32_t equal = params->last != 0 ? 1 : 0; /* what an equal value must be added to win */
    int32_t best = sign * x[0];
    int32_t index = 0;
    for (int32_t channel = 1; channel < params->channels; ++channel) {
        const int32_t value = sign * x[channel];
        if (value + equal > best) {
            best = value;
            index = channel;
        }
    }
    return index;
}

#endif
