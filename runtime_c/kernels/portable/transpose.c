#include "mcucc/transpose.h"

MCUCC_CODE void mcucc_transpose(const mcucc_transpose_params *params, const int8_t *const *rows,
                                int8_t *out, const mcucc_span *span)
{
    const mcucc_transpose_params p = *params;
    (void)span;
    for (int32_t row = 0; row < p.output_height; ++row) {
        for (int32_t column = 0; column < p.output_width; ++column) {
            const int8_t *x = rows[0] + row * p.stride_height + column * p.stride_width;
            for (int32_t channel = 0; channel < p.output_channels; ++channel) {
                *out++ = x[channel * p.stride_channels];
            }
        }
    }
}
