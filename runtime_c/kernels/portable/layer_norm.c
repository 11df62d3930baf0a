#include "mcucc/layer_norm.h"

MCUCC_CODE void mcucc_layer_norm(const mcucc_layer_norm_params *params, const int8_t *const *rows,
                                 int8_t *out, const mcucc_span *span)
{
    const mcucc_layer_norm_params p = *params;
    const mcucc_normal normal = {
        p.count, p.fraction, p.epsilon, p.epsilon_shift, p.centered, p.zero_point, p.exponent,
    };
    const int32_t channels = p.count;
    const int8_t *x = rows[0];

    for (int32_t column = span->begin; column < span->end; ++column) {
        int64_t sum = 0;
        int64_t squares = 0;
        mcucc_add_values(x, channels, &sum, &squares);
        const mcucc_normal_factors f = mcucc_normal_of(&normal, sum, squares);
        for (int32_t channel = 0; channel < channels; ++channel) {
            *out++ = mcucc_normalized(f, *x++, p.factors[channel], p.offsets[channel], p.shift);
        }
    }
}
