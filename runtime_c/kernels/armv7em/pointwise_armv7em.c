#include "mcucc/pointwise_armv7em.h"

#include "mcucc/matrix_armv7em.h"

MCUCC_INLINE void pointwise(const mcucc_pointwise_armv7em_params *params, const int8_t *row,
                            int8_t *out, const mcucc_span *span, mcucc_form form)
{
    const int32_t channels = params->input_channels;
    const int32_t outputs = params->output_channels;
    const int32_t step = params->stride_w * channels;
    const int32_t columns = span->end - span->begin;
    const int8_t *x = row + span->begin * step - span->input_column * channels;
    uint32_t *const pixels = (uint32_t *)span->scratch;
    mcucc_matrix matrix = {
        pixels, params->stream, out, out, outputs, params->output_zero_point, params->chunks,
    };

    for (int32_t left = columns; left > 0; left -= 2) {
        matrix.q = matrix.p + outputs;
        if (left > 1) {
            mcucc_widen_two(pixels, x, x + step, channels);
            mcucc_matrix_run(&matrix, 1, params->wide, form);
        } else {
            mcucc_widen_all(pixels, x, channels);
            mcucc_matrix_run(&matrix, 0, params->wide, form);
        }
        matrix.p = matrix.q + outputs;
        x += 2 * step;
    }
    mcucc_clamp_bytes(out, columns * outputs, params->lo, params->hi);
}

void mcucc_pointwise_armv7em_high(const mcucc_pointwise_armv7em_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    pointwise(params, rows[0], out, span, MCUCC_FORM_HIGH);
}

void mcucc_pointwise_armv7em_shift(const mcucc_pointwise_armv7em_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    pointwise(params, rows[0], out, span, MCUCC_FORM_SHIFT);
}

void mcucc_pointwise_armv7em_double(const mcucc_pointwise_armv7em_params *params,
                                    const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    pointwise(params, rows[0], out, span, MCUCC_FORM_DOUBLE);
}
