#include "mcucc/channel_sum.h"

#include "mcucc/requantize.h"

MCUCC_CODE void mcucc_channel_sum(const mcucc_channel_sum_params *params, const int8_t *const *rows,
                                  int8_t *out, const mcucc_span *span)
{
    const mcucc_channel_sum_params p = *params;
    const int32_t *const zero = p.table + 128;
    const int8_t *x = rows[0];

    for (int32_t column = span->begin; column < span->end; ++column) {
        for (int32_t channel = 0; channel < p.channels; ++channel) {
            const int32_t sum = zero[*x++] + p.offsets[channel];
            *out++ = mcucc_finish(sum, p.multiplier, p.shift, p.output_zero_point, p.lo, p.hi,
                                  MCUCC_ROUND_DOUBLE);
        }
    }
}
