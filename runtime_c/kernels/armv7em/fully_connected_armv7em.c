#include "mcucc/fully_connected_armv7em.h"

#include "mcucc/matrix_packed_armv7em.h"

MCUCC_INLINE void fully_connected(const mcucc_fully_connected_armv7em_params *params,
                                  const int8_t *x, int8_t *out, const mcucc_span *span,
                                  int32_t bits, mcucc_form form)
{
    uint32_t *const pixels = (uint32_t *)span->scratch;
    const mcucc_matrix matrix = {
        pixels,         params->stream, out, out, params->outputs, params->output_zero_point,
        params->chunks,
    };
    mcucc_clear_last_chunk(pixels, params->chunks, bits);
    mcucc_widen_all(pixels, x, params->inputs);
    mcucc_matrix_run_bits(&matrix, 0, params->wide, bits, form);
    mcucc_clamp_bytes(out, params->outputs, params->lo, params->hi);
}

#define KERNEL(name, bits, form)                                                       \
    MCUCC_CODE void mcucc_fully_connected_armv7em_##name(                              \
        const mcucc_fully_connected_armv7em_params *params, const int8_t *const *rows, \
        int8_t *out, const mcucc_span *span)                                           \
    {                                                                                  \
        fully_connected(params, rows[0], out, span, bits, form);                       \
    }
#define FORMS(bits, prefix)                         \
    KERNEL(prefix##high, bits, MCUCC_FORM_HIGH)     \
    KERNEL(prefix##common, bits, MCUCC_FORM_COMMON) \
    KERNEL(prefix##shift, bits, MCUCC_FORM_SHIFT)   \
    KERNEL(prefix##double, bits, MCUCC_FORM_DOUBLE)

FORMS(8, )
FORMS(4, int4_)
FORMS(2, int2_)
