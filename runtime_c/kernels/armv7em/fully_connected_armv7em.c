#include "mcucc/fully_connected_armv7em.h"

#include "mcucc/matrix_armv7em.h"

MCUCC_INLINE void fully_connected(const mcucc_fully_connected_armv7em_params *params,
                                  const int8_t *x, int8_t *out, const mcucc_span *span,
                                  mcucc_form form)
{
    const mcucc_channels all = {
        params->outputs,    params->chunks, params->weights,           params->bias,
        params->multiplier, params->shift,  params->output_zero_point,
    };
    uint32_t *const pixels = (uint32_t *)span->scratch;
    const int32_t left = params->inputs % 4;
    uint32_t *const last = mcucc_widen(pixels, x, params->inputs / 4);
    if (left > 0) {
        int8_t tail[4] = {0, 0, 0, 0};
        memcpy(tail, x + params->inputs - left, (size_t)left);
        mcucc_widen(last, tail, 1);
    }
    mcucc_all_channels(&all, pixels, out, 0, form);
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
