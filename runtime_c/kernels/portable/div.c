#include "mcucc/div.h"

#include "mcucc/requantize.h"

MCUCC_CODE void mcucc_div(const mcucc_div_params *params, const int8_t *const *rows, int8_t *out,
                          const mcucc_span *span)
{
    const int32_t *const factors = params->factors;
    const int32_t half = INT32_C(1) << (MCUCC_DIV_SHIFT - 1);
    const int8_t *a = rows[0];
    const int8_t *b = rows[1];
    const int8_t *const end = out + (span->end - span->begin) * params->channels;

    while (out < end) {
        const int32_t product = (*a++ - params->zero_point) * factors[*b++ + 128];
        const int32_t y = ((product + half) >> MCUCC_DIV_SHIFT) + params->output_zero_point;
        *out++ = (int8_t)mcucc_saturate8(y);
    }
}
