#include "mcucc/pad.h"

#include <string.h>

MCUCC_CODE void mcucc_pad(const mcucc_pad_params *params, const int8_t *const *rows, int8_t *out,
                          const mcucc_span *span)
{
    const int32_t inputs = params->input_channels;
    const int32_t outputs = params->channels_before + inputs + params->channels_after;
    memset(out, (int)params->value, (size_t)outputs * (size_t)(span->end - span->begin));
    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t input_column = column - params->pad_left;
        if (input_column >= 0 && input_column < params->input_width) {
            const int8_t *x = rows[0] + (input_column - span->input_column) * inputs;
            memcpy(out + params->channels_before, x, (size_t)inputs);
        }
        out += outputs;
    }
}
