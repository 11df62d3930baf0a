#include "mcucc/global_average_pool_wide.h"

#include "mcucc/global_sums.h"
#include "mcucc/wide.h"

MCUCC_INLINE void row(const mcucc_global_average_pool_params *params, const int8_t *const *rows,
                      int32_t *sums, const mcucc_span *span, mcucc_element input)
{
    const int32_t channels = params->channels;
    const int32_t columns = span->end - span->begin;
    for (int32_t channel = 0; channel < channels; ++channel) {
        int32_t sum = sums[channel];
        for (int32_t column = 0; column < columns; ++column) {
            sum += mcucc_get(rows[0], column * channels + channel, input);
        }
        sums[channel] = sum;
    }
}

MCUCC_INLINE void finish(const mcucc_global_average_pool_params *params, const int32_t *sums,
                         int8_t *out, mcucc_element output)
{
    for (int32_t channel = 0; channel < params->channels; ++channel) {
        const int32_t scaled =
            params->divisor != 0 ? mcucc_divide_half_away(sums[channel], params->divisor)
            : params->double_rounding
                ? mcucc_requantize_double(sums[channel], params->multiplier, params->shift)
                : mcucc_requantize(sums[channel], params->multiplier, params->shift);
        const int32_t value =
            mcucc_clamp(scaled + params->output_zero_point, params->lo, params->hi);
        mcucc_put(out, channel, value, output);
    }
}

MCUCC_CODE void
mcucc_global_average_pool_s8_s16_begin(const mcucc_global_average_pool_wide_params *params,
                                       int32_t *sums)
{
    mcucc_global_sums_begin(params, sums);
}

MCUCC_CODE void
mcucc_global_average_pool_s8_s16_row(const mcucc_global_average_pool_wide_params *params,
                                     const int8_t *const *rows, int32_t *sums,
                                     const mcucc_span *span)
{
    row(params, rows, sums, span, MCUCC_S8);
}

MCUCC_CODE void
mcucc_global_average_pool_s8_s16_finish(const mcucc_global_average_pool_wide_params *params,
                                        const int32_t *sums, int8_t *out)
{
    finish(params, sums, out, MCUCC_S16);
}

MCUCC_CODE void
mcucc_global_average_pool_s16_s8_begin(const mcucc_global_average_pool_wide_params *params,
                                       int32_t *sums)
{
    mcucc_global_sums_begin(params, sums);
}

MCUCC_CODE void
mcucc_global_average_pool_s16_s8_row(const mcucc_global_average_pool_wide_params *params,
                                     const int8_t *const *rows, int32_t *sums,
                                     const mcucc_span *span)
{
    row(params, rows, sums, span, MCUCC_S16);
}

MCUCC_CODE void
mcucc_global_average_pool_s16_s8_finish(const mcucc_global_average_pool_wide_params *params,
                                        const int32_t *sums, int8_t *out)
{
    finish(params, sums, out, MCUCC_S8);
}

MCUCC_CODE void
mcucc_global_average_pool_s16_s16_begin(const mcucc_global_average_pool_wide_params *params,
                                        int32_t *sums)
{
    mcucc_global_sums_begin(params, sums);
}

MCUCC_CODE void
mcucc_global_average_pool_s16_s16_row(const mcucc_global_average_pool_wide_params *params,
                                      const int8_t *const *rows, int32_t *sums,
                                      const mcucc_span *span)
{
    row(params, rows, sums, span, MCUCC_S16);
}

MCUCC_CODE void
mcucc_global_average_pool_s16_s16_finish(const mcucc_global_average_pool_wide_params *params,
                                         const int32_t *sums, int8_t *out)
{
    finish(params, sums, out, MCUCC_S16);
}
