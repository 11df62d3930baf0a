#include "mcucc/pointwise_mve.h"

#include "mcucc/matrix_packed_mve.h"

MCUCC_CODE static void pointwise(const mcucc_pointwise_mve_params *params, const int8_t *row,
                                 int8_t *out, const mcucc_span *span,
                                 mcucc_matrix_function_mve multiply)
{
    const mcucc_matrix_mve matrix = {params->weights,           params->finish,
                                     params->input_channels,    params->output_channels,
                                     params->output_zero_point, params->output_channels,
                                     (int8_t *)span->scratch};
    const int32_t step = params->stride_w * params->input_channels;
    const int32_t columns = span->end - span->begin;
    const int8_t *x = row + span->begin * step - span->input_column * params->input_channels;
    multiply(&matrix, x, step, out, columns);
    mcucc_clamp_mve(out, columns * params->output_channels, params->lo, params->hi);
}

#define KERNEL(name)                                                                     \
    MCUCC_CODE void mcucc_pointwise_mve_##name(const mcucc_pointwise_mve_params *params, \
                                               const int8_t *const *rows, int8_t *out,   \
                                               const mcucc_span *span)                   \
    {                                                                                    \
        pointwise(params, rows[0], out, span, mcucc_matrix_mve_##name);                  \
    }
#define FORMS(prefix)        \
    KERNEL(prefix##doubling) \
    KERNEL(prefix##shift)    \
    KERNEL(prefix##wide)     \
    KERNEL(prefix##double)

FORMS()
FORMS(int4_)
FORMS(int2_)
