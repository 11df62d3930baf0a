#include "mcucc/fully_connected_product_wide.h"

#include "mcucc/double_product.h"
#include "mcucc/long_sums.h"

MCUCC_CODE void
mcucc_fully_connected_product_s16_s16(const mcucc_fully_connected_product_wide_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span)
{
    const int16_t *const x = (const int16_t *)(const void *)rows[0];
    int16_t *const y = (int16_t *)(void *)out;
    const int8_t *weights = params->weights;
    (void)span;

    for (int32_t i = 0; i < params->outputs; ++i) {
        const int64_t bias = mcucc_long_of(params->bias_high[i], params->bias_low[i]);
        const int64_t sum = mcucc_long_dot(bias, x, weights, params->inputs);
        const int32_t scaled =
            mcucc_round_double_product(sum, params->high[i], params->low[i], params->shift[i]);
        y[i] = (int16_t)mcucc_clamp(scaled, params->lo, params->hi);
        weights += params->inputs;
    }
}
