#include "mcucc/arg_max.h"

#include "mcucc/arg_max_pixel.h"

MCUCC_CODE void mcucc_arg_max(const mcucc_arg_max_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span)
{
    const int8_t *x = rows[0];
    for (int32_t column = span->begin; column < span->end; ++column) {
        *out++ = (int8_t)(mcucc_arg_max_pixel(params, x) - 128);
        x += params->channels;
    }
}
