#include "mcucc/arg_max_wide.h"

#include "mcucc/arg_max_pixel.h"

MCUCC_CODE void mcucc_arg_max_s8_s16(const mcucc_arg_max_wide_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    const int8_t *x = rows[0];
    int16_t *y = (int16_t *)(void *)out;
    for (int32_t column = span->begin; column < span->end; ++column) {
        *y++ = (int16_t)mcucc_arg_max_pixel(params, x);
        x += params->channels;
    }
}
