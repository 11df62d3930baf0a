#include "mcucc/fully_connected_mve.h"

#include "mcucc/matrix_packed_mve.h"

MCUCC_CODE static void fully_connected(const mcucc_fully_connected_mve_params *params,
                                       const int8_t *x, int8_t *out, int8_t *unpacked,
                                       mcucc_matrix_function_mve multiply)
{
    const mcucc_matrix_mve matrix = {
        params->weights,           params->finish,  params->inputs, params->outputs,
        params->output_zero_point, params->outputs, unpacked};
    multiply(&matrix, x, 0, out, 1);
    mcucc_clamp_mve(out, params->outputs, params->lo, params->hi);
}

#define KERNEL(name, unpacked)                                                                  \
    MCUCC_CODE void mcucc_fully_connected_mve_##name(                                           \
        const mcucc_fully_connected_mve_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                                 \
    {                                                                                           \
        (void)span;                                                                             \
        fully_connected(params, rows[0], out, unpacked, mcucc_matrix_mve_##name);               \
    }
#define FORMS(prefix, unpacked)        \
    KERNEL(prefix##doubling, unpacked) \
    KERNEL(prefix##shift, unpacked)    \
    KERNEL(prefix##wide, unpacked)     \
    KERNEL(prefix##double, unpacked)

FORMS(, NULL)
FORMS(int4_, (int8_t *)span->scratch)
FORMS(int2_, (int8_t *)span->scratch)
