#include "mcucc/slice.h"

#include <string.h>

MCUCC_CODE void mcucc_slice(const mcucc_slice_params *params, const int8_t *const *rows,
                            int8_t *out, const mcucc_span *span)
{
    const int32_t pitch = params->column_stride * params->input_channels;
    const int32_t first = span->begin * params->column_stride + params->first_column;
    const int8_t *x = rows[0] + (first - span->input_column) * params->input_channels;
    x += params->first_channel;
    for (int32_t column = span->begin; column < span->end; ++column) {
        if (params->channel_stride == 1) {
            memcpy(out, x, (size_t)params->channels);
        } else {
            for (int32_t channel = 0; channel < params->channels; ++channel) {
                out[channel] = x[channel * params->channel_stride];
            }
        }
        x += pitch;
        out += params->channels;
    }
}
