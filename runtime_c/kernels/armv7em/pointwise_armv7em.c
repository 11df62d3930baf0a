#include "mcucc/pointwise_armv7em.h"

#include "mcucc/matrix_packed_armv7em.h"

MCUCC_INLINE void pointwise(const mcucc_pointwise_armv7em_params *params, const int8_t *row,
                            int8_t *out, const mcucc_span *span, int32_t bits, mcucc_form form)
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

    mcucc_clear_last_chunk(pixels, params->chunks, bits);
    for (int32_t left = columns; left > 0; left -= 2) {
        matrix.q = matrix.p + outputs;
        if (left > 1) {
            mcucc_widen_two(pixels, x, x + step, channels);
            mcucc_matrix_run_bits(&matrix, 1, params->wide, bits, form);
        } else {
            mcucc_widen_all(pixels, x, channels);
            mcucc_matrix_run_bits(&matrix, 0, params->wide, bits, form);
        }
        matrix.p = matrix.q + outputs;
        x += 2 * step;
    }
    mcucc_clamp_bytes(out, columns * outputs, params->lo, params->hi);
}

#define KERNEL(name, bits, form)                                                                 \
    MCUCC_CODE void mcucc_pointwise_armv7em_##name(const mcucc_pointwise_armv7em_params *params, \
                                                   const int8_t *const *rows, int8_t *out,       \
                                                   const mcucc_span *span)                       \
    {                                                                                            \
        pointwise(params, rows[0], out, span, bits, form);                                       \
    }
#define FORMS(bits, prefix)                         \
    KERNEL(prefix##high, bits, MCUCC_FORM_HIGH)     \
    KERNEL(prefix##common, bits, MCUCC_FORM_COMMON) \
    KERNEL(prefix##shift, bits, MCUCC_FORM_SHIFT)   \
    KERNEL(prefix##double, bits, MCUCC_FORM_DOUBLE)

FORMS(8, )
FORMS(4, int4_)
FORMS(2, int2_)
