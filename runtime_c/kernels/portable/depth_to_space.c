#include "mcucc/depth_to_space.h"

MCUCC_CODE void mcucc_depth_to_space(const mcucc_depth_to_space_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    const mcucc_depth_to_space_params p = *params;
    const int32_t pixel = p.block * p.block * p.channels;
    const int32_t first = span->row % p.block * p.block;

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t source = column / p.block - span->input_column;
        const int32_t place = first + column % p.block;
        const int8_t *x = rows[0] + source * pixel + place * p.place_step;
        for (int32_t channel = 0; channel < p.channels; ++channel) {
            *out++ = x[channel * p.channel_step];
        }
    }
}
