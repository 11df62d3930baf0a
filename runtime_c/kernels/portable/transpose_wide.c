#include "mcucc/transpose_wide.h"

MCUCC_CODE void mcucc_transpose_s16_s16(const mcucc_transpose_wide_params *params,
                                        const int8_t *const *rows, int8_t *out,
                                        const mcucc_span *span)
{
    const mcucc_transpose_params p = *params;
    const int16_t *const given = (const int16_t *)(const void *)rows[0];
    int16_t *y = (int16_t *)(void *)out;
    (void)span;
    for (int32_t row = 0; row < p.output_height; ++row) {
        for (int32_t column = 0; column < p.output_width; ++column) {
            const int16_t *x = given + row * p.stride_height + column * p.stride_width;
            for (int32_t channel = 0; channel < p.output_channels; ++channel) {
                *y++ = x[channel * p.stride_channels];
            }
        }
    }
}
