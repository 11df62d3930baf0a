#include "mcucc/rescale_wide.h"

#include "mcucc/wide.h"

MCUCC_INLINE void rescale(const mcucc_rescale_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span, mcucc_element input,
                          mcucc_element output, mcucc_rounding rounding)
{
    const mcucc_rescale_wide_params p = *params;
    const int32_t count = (span->end - span->begin) * p.channels;

    for (int32_t i = 0; i < count; ++i) {
        const int32_t x = mcucc_get(rows[0], i, input) - p.input_zero_point;
        const int32_t value =
            mcucc_finish_value(x, p.multiplier, p.shift, p.output_zero_point, p.lo, p.hi, rounding);
        mcucc_put(out, i, value, output);
    }
}

MCUCC_CODE void mcucc_rescale_s8_s16(const mcucc_rescale_wide_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    rescale(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_rescale_s16_s8(const mcucc_rescale_wide_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    rescale(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_rescale_s16_s16(const mcucc_rescale_wide_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span)
{
    rescale(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_rescale_s8_s16_double(const mcucc_rescale_wide_params *params,
                                            const int8_t *const *rows, int8_t *out,
                                            const mcucc_span *span)
{
    rescale(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_DOUBLE);
}

MCUCC_CODE void mcucc_rescale_s16_s8_double(const mcucc_rescale_wide_params *params,
                                            const int8_t *const *rows, int8_t *out,
                                            const mcucc_span *span)
{
    rescale(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_DOUBLE);
}

MCUCC_CODE void mcucc_rescale_s16_s16_double(const mcucc_rescale_wide_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    rescale(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_DOUBLE);
}
