#include "mcucc/global_average_pool.h"

#include "mcucc/requantize.h"

void mcucc_global_average_pool_begin(const mcucc_global_average_pool_params *params, int32_t *sums)
{
    for (int32_t channel = 0; channel < params->channels; ++channel) {
        sums[channel] = params->bias;
    }
}

void mcucc_global_average_pool_row(const mcucc_global_average_pool_params *params,
                                   const int8_t *const *rows, int32_t *sums,
                                   const mcucc_span *span)
{
    const int32_t channels = params->channels;
    const int32_t columns = span->end - span->begin;
    for (int32_t channel = 0; channel < channels; ++channel) {
        int32_t sum = sums[channel];
        for (int32_t column = 0; column < columns; ++column) {
            sum += rows[0][column * channels + channel];
        }
        sums[channel] = sum;
    }
}

void mcucc_global_average_pool_finish(const mcucc_global_average_pool_params *params,
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
