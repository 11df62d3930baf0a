#include "mcucc/resize_nearest.h"

#include <string.h>

/* Each value of a pixel `channels` times; where the output goes on. */
MCUCC_CODE static int8_t *repeat_values(const mcucc_resize_nearest_params *params,
                                        const int8_t *pixel, int8_t *out)
{
    for (int32_t at = 0; at < params->pixel_bytes; at += params->value_bytes) {
        for (int32_t time = 0; time < params->channels; ++time) {
            memcpy(out, pixel + at, (size_t)params->value_bytes);
            out += params->value_bytes;
        }
    }
    return out;
}

MCUCC_CODE void mcucc_resize_nearest(const mcucc_resize_nearest_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    const int32_t bytes = params->pixel_bytes;
    int32_t source = span->begin / params->factor - span->input_column;
    int32_t phase = span->begin % params->factor;

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int8_t *const pixel = rows[0] + source * bytes;

        if (params->channels > 1) {
            out = repeat_values(params, pixel, out);
        } else {
            memcpy(out, pixel, (size_t)bytes);
            out += bytes;
        }
        if (++phase == params->factor) {
            phase = 0;
            ++source;
        }
    }
}
