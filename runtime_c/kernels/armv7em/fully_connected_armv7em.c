#include "mcucc/fully_connected_armv7em.h"

#include "mcucc/matrix_armv7em.h"

MCUCC_INLINE void fully_connected(const mcucc_fully_connected_armv7em_params *params,
                                  const int8_t *x, int8_t *out, const mcucc_span *span,
                                  mcucc_form form)
{
    uint32_t *const pixels = (uint32_t *)span->scratch;
    const mcucc_matrix matrix = {
        pixels,         params->stream, out, out, params->outputs, params->output_zero_point,
        params->chunks,
    };
    mcucc_widen_all(pixels, x, params->inputs);
    mcucc_matrix_run(&matrix, 0, params->wide, form);
    mcucc_clamp_bytes(out, params->outputs, params->lo, params->hi);
}

void mcucc_fully_connected_armv7em_high(const mcucc_fully_connected_armv7em_params *params,
                                        const int8_t *const *rows, int8_t *out,
                                        const mcucc_span *span)
{
    fully_connected(params, rows[0], out, span, MCUCC_FORM_HIGH);
}

void mcucc_fully_connected_armv7em_shift(const mcucc_fully_connected_armv7em_params *params,
                                         const int8_t *const *rows, int8_t *out,
                                         const mcucc_span *span)
{
    fully_connected(params, rows[0], out, span, MCUCC_FORM_SHIFT);
}

void mcucc_fully_connected_armv7em_double(const mcucc_fully_connected_armv7em_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span)
{
    fully_connected(params, rows[0], out, span, MCUCC_FORM_DOUBLE);
}
