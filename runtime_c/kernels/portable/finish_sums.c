#include "mcucc/finish_sums.h"

#include "mcucc/requantize.h"

/* 64 bits where a factor needs them. */
MCUCC_INLINE void finish_any(const mcucc_finish_sums_params *params, const int8_t *const *rows,
                             int8_t *out, const mcucc_span *span, mcucc_rounding rounding)
{
    const int32_t *sums = (const int32_t *)(const void *)rows[0];

    for (int32_t left = span->end - span->begin; left > 0; --left) {
        for (int32_t channel = 0; channel < params->channels; ++channel) {
            *out++ = mcucc_finish(*sums++ + params->bias[channel], params->multiplier[channel],
                                  params->shift[channel], params->output_zero_point, params->lo,
                                  params->hi, rounding);
        }
    }
}

MCUCC_CODE void mcucc_finish_sums(const mcucc_finish_sums_params *params, const int8_t *const *rows,
                                  int8_t *out, const mcucc_span *span)
{
    finish_any(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_finish_sums_double(const mcucc_finish_sums_params *params,
                                         const int8_t *const *rows, int8_t *out,
                                         const mcucc_span *span)
{
    finish_any(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}
