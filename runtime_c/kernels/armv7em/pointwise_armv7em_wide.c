#include "mcucc/pointwise_armv7em_wide.h"

#include "mcucc/matrix_wide_armv7em.h"

MCUCC_INLINE void pointwise(const mcucc_pointwise_armv7em_params *params, const int8_t *row,
                            int8_t *out, const mcucc_span *span, mcucc_element input,
                            mcucc_element output, mcucc_form form)
{
    const int32_t channels = params->input_channels;
    const int32_t outputs = params->output_channels;
    const int32_t step = params->stride_w * channels;
    const int32_t columns = span->end - span->begin;
    const int8_t *x = mcucc_at(row, span->begin * step - span->input_column * channels, input);
    uint32_t *const pixels = (uint32_t *)span->scratch;
    mcucc_matrix matrix = {
        pixels, params->stream, out, out, outputs, params->output_zero_point, params->chunks,
    };

    for (int32_t left = columns; left > 0; left -= 2) {
        const int32_t two = left > 1;
        const int8_t *const next = mcucc_at(x, step, input);
        matrix.q = mcucc_at_out(matrix.p, outputs, output);
        mcucc_prepare_pixels(pixels, x, next, channels, two, input);
        mcucc_matrix_run_wide(&matrix, two, params->wide, form, output);
        matrix.p = mcucc_at_out(matrix.q, outputs, output);
        x = mcucc_at(next, step, input);
    }
    mcucc_clamp_values(out, columns * outputs, params->lo, params->hi, output);
}

#define POINTWISE(types, input, output, form, FORM)                                                \
    MCUCC_CODE void mcucc_pointwise_armv7em_##types##_##form(                                      \
        const mcucc_pointwise_armv7em_wide_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                                    \
    {                                                                                              \
        pointwise(params, rows[0], out, span, input, output, FORM);                                \
    }
#define FORMS(types, input, output)                        \
    POINTWISE(types, input, output, high, MCUCC_FORM_HIGH) \
    POINTWISE(types, input, output, shift, MCUCC_FORM_SHIFT)

FORMS(s8_s16, MCUCC_S8, MCUCC_S16)
FORMS(s16_s8, MCUCC_S16, MCUCC_S8)
FORMS(s16_s16, MCUCC_S16, MCUCC_S16)
