#include "mcucc/pad_wide.h"

#include <string.h>

MCUCC_CODE void mcucc_pad_s16_s16(const mcucc_pad_wide_params *params, const int8_t *const *rows,
                                  int8_t *out, const mcucc_span *span)
{
    const int32_t inputs = params->input_channels;
    const int32_t outputs = params->channels_before + inputs + params->channels_after;
    const int16_t *const given = (const int16_t *)(const void *)rows[0];
    int16_t *y = (int16_t *)(void *)out;

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t input_column = column - params->pad_left;
        for (int32_t channel = 0; channel < outputs; ++channel) {
            y[channel] = (int16_t)params->value;
        }
        if (input_column >= 0 && input_column < params->input_width) {
            const int16_t *x = given + (input_column - span->input_column) * inputs;
            memcpy(y + params->channels_before, x, (size_t)inputs * sizeof *x);
        }
        y += outputs;
    }
}
