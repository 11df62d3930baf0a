#include "mcucc/conv2d_armv7em.h"

#include "mcucc/conv2d_window_armv7em.h"

MCUCC_INLINE void conv2d(const mcucc_conv2d_armv7em_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span, int32_t bits, mcucc_form form)
{
    const mcucc_range inside =
        mcucc_interior(span, params->kernel_w, params->stride_w, params->dilation_w,
                       params->pad_left, params->input_width);
    uint32_t *const pixels = (uint32_t *)span->scratch;
    mcucc_matrix matrix = {
        pixels,
        params->stream,
        out,
        out,
        params->output_channels,
        params->output_zero_point,
        params->chunks,
    };
    int8_t tail[MCUCC_CONV2D_MAX_TAIL];
    const uint32_t run = (uint32_t)params->run;
    const window_runs shape = {params->kernel_h * params->runs, (int32_t)(run / 4),
                               (int32_t)(run % 4), tail};
    const int32_t columns = span->end - span->begin;
    int8_t *const start = out;
    int32_t column = span->begin;

    mcucc_clear_last_chunk(pixels, params->chunks, bits);
    while (column < span->end) {
        const int32_t two = column + 1 < span->end;
        for (int32_t i = 0; i <= two; ++i) {
            const int32_t here = column + i;
            const int32_t first = here * params->stride_w - params->pad_left;
            const int32_t within = here >= inside.begin && here < inside.end;
            if (within && params->runs == 1) {
                const int32_t offset = (first - span->input_column) * params->input_channels;
                widen_window(&shape, rows, offset, pixels + 2 * i);
            } else {
                widen_hard(params, &shape, rows, first, within, span, pixels + 2 * i);
            }
        }
        matrix.p = out;
        matrix.q = out + params->output_channels;
        mcucc_matrix_run_bits(&matrix, two, params->wide, bits, form);
        column += 1 + two;
        out += (1 + two) * params->output_channels;
    }
    mcucc_clamp_bytes(start, columns * params->output_channels, params->lo, params->hi);
}

#define KERNEL(name, bits, form)                                                           \
    MCUCC_CODE void mcucc_conv2d_armv7em_##name(const mcucc_conv2d_armv7em_params *params, \
                                                const int8_t *const *rows, int8_t *out,    \
                                                const mcucc_span *span)                    \
    {                                                                                      \
        conv2d(params, rows, out, span, bits, form);                                       \
    }
#define FORMS(bits, prefix)                         \
    KERNEL(prefix##high, bits, MCUCC_FORM_HIGH)     \
    KERNEL(prefix##common, bits, MCUCC_FORM_COMMON) \
    KERNEL(prefix##shift, bits, MCUCC_FORM_SHIFT)   \
    KERNEL(prefix##double, bits, MCUCC_FORM_DOUBLE)

FORMS(8, )
FORMS(4, int4_)
FORMS(2, int2_)
