#include "mcucc/conv2d_grouped_armv7em.h"

#include "mcucc/window_runs_armv7em.h"

typedef mcucc_conv2d_grouped_armv7em_params parameters;

/* Where the taps of the window of an output column lie; those outside the input at `padding`. */
MCUCC_CODE static void find_taps(const parameters *params, const int8_t *const *rows,
                                 int32_t column, int32_t input_column, const int8_t *padding,
                                 const int8_t **taps)
{
    const int32_t first = column * params->stride_w - params->pad_left;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        int32_t at = first;
        for (int32_t tap = 0; tap < params->kernel_w; ++tap) {
            const int32_t inside = at >= 0 && at < params->input_width;
            *taps++ = inside ? rows[row] + (at - input_column) * params->input_channels : padding;
            at += params->dilation_w;
        }
    }
}

MCUCC_INLINE void conv2d_grouped(const parameters *params, const int8_t *const *rows, int8_t *out,
                                 const mcucc_span *span, mcucc_form form)
{
    const int32_t inputs = params->input_channels / params->groups;
    const int32_t outputs = params->output_channels / params->groups;
    uint32_t *const pixels = (uint32_t *)span->scratch;
    int8_t *const padding = (int8_t *)(pixels + MCUCC_CHUNK_WORDS * params->chunks);
    const int8_t *taps[2][MCUCC_CONV2D_MAX_RUNS];
    int8_t tail[MCUCC_CONV2D_MAX_TAIL];
    const window_runs shape = {params->kernel_h * params->kernel_w, inputs / 4, inputs % 4, tail};
    mcucc_matrix matrix = {
        pixels, params->stream, out, out, outputs, params->output_zero_point, params->chunks,
    };
    int8_t *const start = out;
    int32_t column = span->begin;

    if (params->padded) {
        memset(padding, params->input_zero_point, (size_t)params->input_channels);
    }
    while (column < span->end) {
        const int32_t two = column + 1 < span->end;
        for (int32_t i = 0; i <= two; ++i) {
            find_taps(params, rows, column + i, span->input_column, padding, taps[i]);
        }
        matrix.stream = params->stream;
        for (int32_t group = 0; group < params->groups; ++group) {
            for (int32_t i = 0; i <= two; ++i) {
                widen_window(&shape, taps[i], group * inputs, pixels + 2 * i);
            }
            matrix.p = out + group * outputs;
            matrix.q = matrix.p + params->output_channels;
            mcucc_matrix_run(&matrix, two, params->wide, form);
            matrix.stream += params->stream_words;
        }
        column += 1 + two;
        out += (1 + two) * params->output_channels;
    }
    mcucc_clamp_bytes(start, (span->end - span->begin) * params->output_channels, params->lo,
                      params->hi);
}

#define KERNEL(name, form)                                                                         \
    MCUCC_CODE void mcucc_conv2d_grouped_armv7em_##name(                                           \
        const mcucc_conv2d_grouped_armv7em_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                                    \
    {                                                                                              \
        conv2d_grouped(params, rows, out, span, form);                                             \
    }

KERNEL(high, MCUCC_FORM_HIGH)
KERNEL(common, MCUCC_FORM_COMMON)
KERNEL(shift, MCUCC_FORM_SHIFT)
KERNEL(double, MCUCC_FORM_DOUBLE)
