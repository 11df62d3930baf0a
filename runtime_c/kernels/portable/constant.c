#include "mcucc/constant.h"

#include <string.h>

void mcucc_constant(const mcucc_constant_params *params, const int8_t *const *rows, int8_t *out,
                    const mcucc_span *span)
{
    const int32_t pixel = span->row * params->width + span->begin;

    (void)rows;
    memcpy(out, params->values + pixel * params->channels,
           (size_t)((span->end - span->begin) * params->channels));
}
