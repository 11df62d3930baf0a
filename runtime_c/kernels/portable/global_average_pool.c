#include "mcucc/global_average_pool.h"

#include "mcucc/global_sums.h"

MCUCC_CODE void mcucc_global_average_pool_begin(const mcucc_global_average_pool_params *params,
                                                int32_t *sums)
{
    mcucc_global_sums_begin(params, sums);
}

MCUCC_CODE void mcucc_global_average_pool_row(const mcucc_global_average_pool_params *params,
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

MCUCC_CODE void mcucc_global_average_pool_finish(const mcucc_global_average_pool_params *params,
                                                 const int32_t *sums, int8_t *out)
{
    mcucc_global_sums_finish(params, sums, out);
}
