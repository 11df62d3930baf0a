#include "mcucc/sample_nearest.h"

#include <string.h>

MCUCC_CODE void mcucc_sample_nearest(const mcucc_sample_nearest_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    const int32_t bytes = params->pixel_bytes;
    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t source = (column * params->step + params->offset) / params->unit;
        memcpy(out, rows[0] + (source - span->input_column) * bytes, (size_t)bytes);
        out += bytes;
    }
}
