#include "mcucc/resize_nearest.h"

#include <string.h>

void mcucc_resize_nearest(const mcucc_resize_nearest_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span)
{
    const int32_t channels = params->channels;
    int32_t source = span->begin / params->factor - span->input_column;
    int32_t phase = span->begin % params->factor;
    for (int32_t column = span->begin; column < span->end; ++column) {
        memcpy(out, rows[0] + source * channels, (size_t)channels);
        out += channels;
        if (++phase == params->factor) {
            phase = 0;
            ++source;
        }
    }
}
