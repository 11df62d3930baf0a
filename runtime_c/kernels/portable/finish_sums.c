#include "mcucc/finish_sums.h"

#include "mcucc/finish.h"

/* The general end, 64 bits where a factor needs them. */
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

/* Channel by channel, so that its constants are loaded once for all pixels. */
MCUCC_INLINE void finish_form(const mcucc_finish_sums_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span, mcucc_finish_form form)
{
    const int32_t *const sums = (const int32_t *)(const void *)rows[0];
    const int32_t channels = params->channels;
    const int32_t values = (span->end - span->begin) * channels;
    const mcucc_finish_tables tables = {params->bias, params->multiplier, params->shift,
                                        params->output_zero_point};

    for (int32_t channel = 0; channel < channels; ++channel) {
        const mcucc_finish_channel finish = mcucc_finish_load(&tables, channel);

        for (int32_t i = channel; i < values; i += channels) {
            out[i] = mcucc_finish_sum(sums[i], finish, form);
        }
    }
    mcucc_clamp_bytes(out, values, params->lo, params->hi);
}

void mcucc_finish_sums(const mcucc_finish_sums_params *params, const int8_t *const *rows,
                       int8_t *out, const mcucc_span *span)
{
    finish_any(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

void mcucc_finish_sums_double(const mcucc_finish_sums_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span)
{
    finish_any(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}

void mcucc_finish_sums_form_short(const mcucc_finish_sums_params *params, const int8_t *const *rows,
                                  int8_t *out, const mcucc_span *span)
{
    finish_form(params, rows, out, span, MCUCC_FINISH_SHORT);
}

void mcucc_finish_sums_form_shift(const mcucc_finish_sums_params *params, const int8_t *const *rows,
                                  int8_t *out, const mcucc_span *span)
{
    finish_form(params, rows, out, span, MCUCC_FINISH_SHIFT);
}

void mcucc_finish_sums_form_double(const mcucc_finish_sums_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    finish_form(params, rows, out, span, MCUCC_FINISH_DOUBLE);
}
