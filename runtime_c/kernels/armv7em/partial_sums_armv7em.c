#include "mcucc/partial_sums_armv7em.h"

#include <string.h>

#include "mcucc/matrix_packed_armv7em.h"

MCUCC_INLINE void partial_sums(const mcucc_partial_sums_armv7em_params *params, const int8_t *x,
                               int8_t *out, const mcucc_span *span, int32_t bits)
{
    const int32_t channels = params->input_channels;
    const int32_t outputs = params->output_channels;
    const int32_t columns = span->end - span->begin;
    uint32_t *const pixels = (uint32_t *)span->scratch;
    mcucc_sum_matrix matrix = {
        pixels, params->stream, (int32_t *)(void *)out, NULL, outputs, 0, params->chunks,
    };

    if (params->first) {
        memset(out, 0, (size_t)(columns * outputs) * sizeof *matrix.p);
    }
    mcucc_clear_last_chunk(pixels, params->chunks, bits);
    for (int32_t left = columns; left > 0; left -= 2) {
        matrix.q = matrix.p + outputs;
        if (left > 1) {
            mcucc_widen_two(pixels, x, x + channels, channels);
        } else {
            mcucc_widen_all(pixels, x, channels);
        }
        mcucc_matrix_add_bits(&matrix, left > 1, params->wide, bits);
        matrix.p = matrix.q + outputs;
        x += 2 * channels;
    }
}

#define KERNEL(name, bits)                                                               \
    MCUCC_CODE void name(const mcucc_partial_sums_armv7em_params *params,                \
                         const int8_t *const *rows, int8_t *out, const mcucc_span *span) \
    {                                                                                    \
        partial_sums(params, rows[0], out, span, bits);                                  \
    }

KERNEL(mcucc_partial_sums_armv7em, 8)
KERNEL(mcucc_partial_sums_armv7em_int4, 4)
KERNEL(mcucc_partial_sums_armv7em_int2, 2)
