#include "mcucc/finish_sums_form.h"

/* Channel by channel, so that its constants are loaded once for all pixels. */
MCUCC_INLINE void finish_form(const mcucc_finish_sums_form_params *params,
                              const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                              mcucc_finish_form form)
{
    const int32_t *const sums = (const int32_t *)(const void *)rows[0];
    const int32_t channels = params->channels;
    const int32_t values = (span->end - span->begin) * channels;

    for (int32_t channel = 0; channel < channels; ++channel) {
        const mcucc_finish_channel finish = mcucc_finish_load(&params->finish, channel, form);

        for (int32_t i = channel; i < values; i += channels) {
            out[i] = mcucc_finish_sum(sums[i], finish, form);
        }
    }
    mcucc_clamp_bytes(out, values, params->lo, params->hi);
}

MCUCC_CODE void mcucc_finish_sums_form_short(const mcucc_finish_sums_form_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    finish_form(params, rows, out, span, MCUCC_FINISH_SHORT);
}

MCUCC_CODE void mcucc_finish_sums_form_common(const mcucc_finish_sums_form_params *params,
                                              const int8_t *const *rows, int8_t *out,
                                              const mcucc_span *span)
{
    finish_form(params, rows, out, span, MCUCC_FINISH_COMMON);
}

MCUCC_CODE void mcucc_finish_sums_form_shift(const mcucc_finish_sums_form_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    finish_form(params, rows, out, span, MCUCC_FINISH_SHIFT);
}

MCUCC_CODE void mcucc_finish_sums_form_double(const mcucc_finish_sums_form_params *params,
                                              const int8_t *const *rows, int8_t *out,
                                              const mcucc_span *span)
{
    finish_form(params, rows, out, span, MCUCC_FINISH_DOUBLE);
}
