#include "mcucc/space_to_depth.h"

MCUCC_CODE void mcucc_space_to_depth(const mcucc_space_to_depth_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    const mcucc_space_to_depth_params p = *params;

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t source = (column * p.block - span->input_column) * p.channels;
        for (int32_t i = 0; i < p.block; ++i) {
            const int8_t *x = rows[i] + source;
            for (int32_t j = 0; j < p.block; ++j) {
                int8_t *y = out + (i * p.block + j) * p.place_step;
                for (int32_t channel = 0; channel < p.channels; ++channel) {
                    y[channel * p.channel_step] = *x++;
                }
            }
        }
        out += p.block * p.block * p.channels;
    }
}
