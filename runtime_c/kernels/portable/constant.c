#include "mcucc/constant.h"

#include <string.h>

MCUCC_CODE void mcucc_constant(const mcucc_constant_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span)
{
    const size_t channels = (size_t)params->channels;
    const int8_t *pixel =
        params->values + span->row * params->row_step + span->begin * params->column_step;
    int32_t columns = span->end - span->begin;

    (void)rows;
    if (params->column_step == params->channels) {
        memcpy(out, pixel, (size_t)columns * channels);
        return;
    }
    for (; columns > 0; columns--) {
        if (params->one_value) {
            memset(out, *pixel, channels);
        } else {
            memcpy(out, pixel, channels);
        }
        out += params->channels;
        pixel += params->column_step;
    }
}
