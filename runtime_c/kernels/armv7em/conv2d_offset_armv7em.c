#include "mcucc/conv2d_offset_armv7em.h"

#include "mcucc/conv2d_window_armv7em.h"

/* The sum of the inputs of one pixel's `chunks`, into `shares` chunks behind them: every half word
 * takes what fits it, the last ones are 0. */
MCUCC_CODE static void append_total(uint32_t *pixel, int32_t chunks, int32_t shares)
{
    const uint32_t ones = mcucc_pair(1, 1);
    int32_t total = 0;
    for (; chunks > 0; --chunks) {
        total = mcucc_dot2(pixel[0], ones, total);
        total = mcucc_dot2(pixel[1], ones, total);
        pixel += MCUCC_CHUNK_WORDS;
    }
    for (; shares > 0; --shares) {
        for (int32_t word = 0; word < 2; ++word) {
            const int32_t low = mcucc_clamp(total, INT16_MIN, INT16_MAX);
            const int32_t high = mcucc_clamp(total - low, INT16_MIN, INT16_MAX);
            pixel[word] = mcucc_pair(low, high);
            total -= low + high;
        }
        pixel += MCUCC_CHUNK_WORDS;
    }
}

MCUCC_INLINE void conv2d_offset(const mcucc_conv2d_offset_armv7em_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                mcucc_form form)
{
    const mcucc_conv2d_armv7em_params *const layer = &params->layer;
    const mcucc_range inside =
        mcucc_interior(span, layer->kernel_w, layer->stride_w, layer->dilation_w, layer->pad_left,
                       layer->input_width);
    uint32_t *const pixels = (uint32_t *)span->scratch;
    mcucc_matrix matrix = {
        pixels,        layer->stream, out, out, layer->output_channels, layer->output_zero_point,
        layer->chunks,
    };
    int8_t tail[MCUCC_CONV2D_MAX_TAIL];
    const uint32_t run = (uint32_t)layer->run;
    const window_runs shape = {layer->kernel_h * layer->runs, (int32_t)(run / 4),
                               (int32_t)(run % 4), tail};
    const int32_t columns = span->end - span->begin;
    int8_t *const start = out;
    int32_t column = span->begin;

    while (column < span->end) {
        const int32_t two = column + 1 < span->end;
        for (int32_t i = 0; i <= two; ++i) {
            const int32_t here = column + i;
            const int32_t first = here * layer->stride_w - layer->pad_left;
            const int32_t within = here >= inside.begin && here < inside.end;
            if (within && layer->runs == 1) {
                const int32_t offset = (first - span->input_column) * layer->input_channels;
                widen_window(&shape, rows, offset, pixels + 2 * i);
            } else {
                widen_hard(layer, &shape, rows, first, within, span, pixels + 2 * i);
            }
            append_total(pixels + 2 * i, layer->chunks - params->shares, params->shares);
        }
        matrix.p = out;
        matrix.q = out + layer->output_channels;
        mcucc_matrix_run(&matrix, two, 0, form);
        column += 1 + two;
        out += (1 + two) * layer->output_channels;
    }
    mcucc_clamp_bytes(start, columns * layer->output_channels, layer->lo, layer->hi);
}

#define KERNEL(name, form)                                                                        \
    MCUCC_CODE void mcucc_conv2d_offset_armv7em_##name(                                           \
        const mcucc_conv2d_offset_armv7em_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                                   \
    {                                                                                             \
        conv2d_offset(params, rows, out, span, form);                                             \
    }

KERNEL(high, MCUCC_FORM_HIGH)
KERNEL(common, MCUCC_FORM_COMMON)
KERNEL(shift, MCUCC_FORM_SHIFT)
KERNEL(double, MCUCC_FORM_DOUBLE)
