#include "mcucc/pointwise_armv7em.h"

#include "mcucc/matrix_armv7em.h"

/* Widen two pixels, the last chunk filled up with zeros. */
MCUCC_INLINE void widen_two(uint32_t *pixels, const int8_t *p, const int8_t *q, int32_t channels)
{
    const int8_t *const end = p + (channels & ~3);
    while (p < end) {
        const uint32_t p_word = mcucc_load(p);
        const uint32_t q_word = mcucc_load(q);
        p += 4;
        q += 4;
        pixels[0] = mcucc_even_bytes(p_word);
        pixels[1] = mcucc_odd_bytes(p_word);
        pixels[2] = mcucc_even_bytes(q_word);
        pixels[3] = mcucc_odd_bytes(q_word);
        pixels += MCUCC_CHUNK_WORDS;
    }
    if (channels & 3) {
        mcucc_widen_all(pixels, p, channels & 3);
        mcucc_widen_all(pixels + 2, q, channels & 3);
    }
}

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
            widen_two(pixels, x, x + step, channels);
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
                                    const int8_t *const *rows, int8_t *out,
                                    const mcucc_span *span)
{
    pointwise(params, rows[0], out, span, MCUCC_FORM_DOUBLE);
}
