#include "mcucc/prelu.h"

#include "mcucc/requantize.h"

MCUCC_INLINE void prelu(const mcucc_prelu_params *params, const int8_t *const *rows, int8_t *out,
                        const mcucc_span *span, mcucc_rounding rounding)
{
    const mcucc_prelu_params p = *params;
    const int8_t *x = rows[0];

    for (int32_t column = span->begin; column < span->end; ++column) {
        for (int32_t channel = 0; channel < p.channels; ++channel) {
            const int32_t value = *x++ - p.input_zero_point;
            const int below = value < 0;
            *out++ = mcucc_finish(below ? value * p.slopes[channel] : value,
                                  below ? p.multiplier_below : p.multiplier,
                                  below ? p.shift_below : p.shift, p.output_zero_point, INT8_MIN,
                                  INT8_MAX, rounding);
        }
    }
}

MCUCC_CODE void mcucc_prelu(const mcucc_prelu_params *params, const int8_t *const *rows,
                            int8_t *out, const mcucc_span *span)
{
    prelu(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_prelu_double(const mcucc_prelu_params *params, const int8_t *const *rows,
                                   int8_t *out, const mcucc_span *span)
{
    prelu(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}
