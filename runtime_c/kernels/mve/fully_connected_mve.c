#include "mcucc/fully_connected_mve.h"

#include "mcucc/matrix_mve.h"

static void fully_connected(const mcucc_fully_connected_mve_params *params, const int8_t *x,
                            int8_t *out, mcucc_matrix_function_mve multiply)
{
    const mcucc_matrix_mve matrix = {params->weights, params->finish, params->inputs,
                                     params->outputs, params->output_zero_point};
    multiply(&matrix, x, 0, out, 1);
    mcucc_clamp_mve(out, params->outputs, params->lo, params->hi);
}

#define KERNEL(form)                                                                      \
    void mcucc_fully_connected_mve_##form(const mcucc_fully_connected_mve_params *params, \
                                          const int8_t *const *rows, int8_t *out,         \
                                          const mcucc_span *span)                         \
    {                                                                                     \
        (void)span;                                                                       \
        fully_connected(params, rows[0], out, mcucc_matrix_mve_##form);                   \
    }

KERNEL(doubling)
KERNEL(shift)
KERNEL(wide)
KERNEL(double)
