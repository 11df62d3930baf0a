#include "mcucc/fully_connected_armv7em_wide.h"

#include "mcucc/matrix_wide_armv7em.h"

MCUCC_INLINE void fully_connected(const mcucc_fully_connected_armv7em_params *params,
                                  const int8_t *x, int8_t *out, const mcucc_span *span,
                                  mcucc_element input, mcucc_element output, mcucc_form form)
{
    uint32_t *const pixels = (uint32_t *)span->scratch;
    const mcucc_matrix matrix = {
        pixels,         params->stream, out, out, params->outputs, params->output_zero_point,
        params->chunks,
    };
    mcucc_prepare_pixels(pixels, x, x, params->inputs, 0, input);
    mcucc_matrix_run_wide(&matrix, 0, params->wide, form, output);
    mcucc_clamp_values(out, params->outputs, params->lo, params->hi, output);
}

#define FULLY_CONNECTED(types, input, output, form, FORM)                                   \
    MCUCC_CODE void mcucc_fully_connected_armv7em_##types##_##form(                         \
        const mcucc_fully_connected_armv7em_wide_params *params, const int8_t *const *rows, \
        int8_t *out, const mcucc_span *span)                                                \
    {                                                                                       \
        fully_connected(params, rows[0], out, span, input, output, FORM);                   \
    }
#define FORMS(types, input, output)                              \
    FULLY_CONNECTED(types, input, output, high, MCUCC_FORM_HIGH) \
    FULLY_CONNECTED(types, input, output, shift, MCUCC_FORM_SHIFT)

FORMS(s8_s16, MCUCC_S8, MCUCC_S16)
FORMS(s16_s8, MCUCC_S16, MCUCC_S8)
FORMS(s16_s16, MCUCC_S16, MCUCC_S16)
