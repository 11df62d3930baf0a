#include "mcucc/group_norm.h"

MCUCC_CODE void mcucc_group_norm(const mcucc_group_norm_params *params, const int8_t *const *rows,
                                 int8_t *out, const mcucc_span *span)
{
    const mcucc_group_norm_params p = *params;
    const mcucc_normal normal = {
        p.count, p.fraction, p.epsilon, p.epsilon_shift, p.centered, p.zero_point, p.exponent,
    };
    const int32_t of_group = p.channels / p.groups;

    (void)span;
    for (int32_t first = 0; first < p.channels; first += of_group) {
        int64_t sum = 0;
        int64_t squares = 0;
        for (int32_t pixel = 0; pixel < p.pixels; ++pixel) {
            mcucc_add_values(rows[0] + pixel * p.channels + first, of_group, &sum, &squares);
        }
        const mcucc_normal_factors f = mcucc_normal_of(&normal, sum, squares);
        for (int32_t pixel = 0; pixel < p.pixels; ++pixel) {
            const int8_t *x = rows[0] + pixel * p.channels;
            int8_t *y = out + pixel * p.channels;
            for (int32_t channel = first; channel < first + of_group; ++channel) {
                y[channel] = mcucc_normalized(f, x[channel], p.factors[channel], p.offsets[channel],
                                              p.shift);
            }
        }
    }
}
