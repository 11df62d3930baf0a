#include "mcucc/conv_transpose2d_armv7em.h"

#include "mcucc/matrix_armv7em.h"

/* A row of the window that ends at input column `last`, what lies outside the input filled with
 * its zero point; `row` may be NULL. */
MCUCC_CODE static void copy_row(const mcucc_conv_transpose2d_armv7em_params *params,
                                const int8_t *row, int32_t last, int32_t input_column, int8_t *copy)
{
    const int32_t channels = params->input_channels;
    for (int32_t column = last - params->taps_w + 1; column <= last; ++column) {
        if (row != NULL && column >= 0 && column < params->input_width) {
            memcpy(copy, row + (column - input_column) * channels, (size_t)channels);
        } else {
            memset(copy, params->input_zero_point, (size_t)channels);
        }
        copy += channels;
    }
}

/* Widen the window that ends at input column `last`. */
MCUCC_CODE static void widen_window(const mcucc_conv_transpose2d_armv7em_params *params,
                                    const int8_t *const *rows, int32_t last, const mcucc_span *span,
                                    uint32_t *pixel)
{
    const int32_t first = last - params->taps_w + 1;
    const int32_t within = first >= 0 && last < params->input_width;
    const int32_t run = params->taps_w * params->input_channels;
    int8_t *const copy =
        (int8_t *)span->scratch + MCUCC_CHUNK_WORDS * (int32_t)sizeof(uint32_t) * params->chunks;
    for (int32_t tap = 0; tap < params->taps_h; ++tap) {
        const int8_t *x = copy;
        if (within && rows[tap] != NULL) {
            x = rows[tap] + (first - span->input_column) * params->input_channels;
        } else {
            copy_row(params, rows[tap], last, span->input_column, copy);
        }
        mcucc_widen_all(pixel, x, run);
        pixel += (run + 3) / 4 * MCUCC_CHUNK_WORDS;
    }
}

MCUCC_INLINE void conv_transpose2d(const mcucc_conv_transpose2d_armv7em_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                   mcucc_form form)
{
    uint32_t *const pixels = (uint32_t *)span->scratch;
    const int32_t stride = params->stride_w;
    const int32_t channels = params->output_channels;
    const int32_t phase_h = (span->row + params->cut_top) % params->stride_h;
    const uint32_t *const streams = params->stream + phase_h * stride * params->phase;
    const int32_t last = (span->end - 1 + params->cut_left) / stride;
    int32_t column = (span->begin + params->cut_left) / stride;
    mcucc_matrix matrix = {
        pixels, streams, out, out, channels, params->output_zero_point, params->chunks,
    };

    /* Two input columns at a time; of each those outputs that the call is asked for. */
    for (; column <= last; column += 2) {
        widen_window(params, rows, column, span, pixels);
        if (column < last) {
            widen_window(params, rows, column + 1, span, pixels + 2);
        }
        for (int32_t phase = 0; phase < stride; ++phase) {
            const int32_t p = column * stride + phase - params->cut_left;
            const int32_t q = p + stride;
            const int32_t first = p >= span->begin && p < span->end;
            const int32_t second = q >= span->begin && q < span->end;
            if (!first && !second) {
                continue;
            }
            matrix.pixels = first ? pixels : pixels + 2;
            matrix.stream = streams + phase * params->phase;
            matrix.p = out + ((first ? p : q) - span->begin) * channels;
            if (first && second) {
                matrix.q = out + (q - span->begin) * channels;
            }
            mcucc_matrix_run(&matrix, first && second, params->wide, form);
        }
    }
    mcucc_clamp_bytes(out, (span->end - span->begin) * channels, params->lo, params->hi);
}

#define KERNEL(name, form)                                                              \
    MCUCC_CODE void mcucc_conv_transpose2d_armv7em_##name(                              \
        const mcucc_conv_transpose2d_armv7em_params *params, const int8_t *const *rows, \
        int8_t *out, const mcucc_span *span)                                            \
    {                                                                                   \
        conv_transpose2d(params, rows, out, span, form);                                \
    }

KERNEL(high, MCUCC_FORM_HIGH)
KERNEL(common, MCUCC_FORM_COMMON)
KERNEL(shift, MCUCC_FORM_SHIFT)
KERNEL(double, MCUCC_FORM_DOUBLE)
