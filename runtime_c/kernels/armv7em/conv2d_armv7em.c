#include "mcucc/conv2d_armv7em.h"

#include "mcucc/matrix_armv7em.h"
#include "mcucc/window.h"

/* A window's rows copied into scratch, the columns outside the input filled with its zero point. */
static void copy_window(const mcucc_conv2d_armv7em_params *params, const int8_t *const *rows,
                        int32_t first, int32_t input_column, int8_t *copy)
{
    const int32_t channels = params->input_channels;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        for (int32_t tap = 0; tap < params->kernel_w; ++tap) {
            const int32_t column = first + tap * params->dilation_w;
            if (column >= 0 && column < params->input_width) {
                const int8_t *x = rows[row] + (column - input_column) * channels;
                memcpy(copy, x, (size_t)channels);
            } else {
                memset(copy, params->input_zero_point, (size_t)channels);
            }
            copy += channels;
        }
    }
}

/* Widen a window: the chunks of all runs, then what is left over of each. Its rows are at
 * rows[0..kernel_h) + offset, runs `step` bytes apart. */
static void widen_window(const mcucc_conv2d_armv7em_params *params,
                         const int8_t *const *rows, int32_t offset, int32_t step,
                               uint32_t *pixel)
{
    int8_t tail[MCUCC_CONV2D_MAX_TAIL + 3];
    const int32_t chunks = params->run / 4;
    const int32_t left = params->run % 4;
    int32_t filled = 0;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        const int8_t *x = rows[row] + offset;
        for (int32_t run = 0; run < params->runs; ++run) {
            pixel = mcucc_widen(pixel, x, chunks);
            for (int32_t i = 0; i < left; ++i) {
                tail[filled++] = x[4 * chunks + i];
            }
            x += step;
        }
    }
    if (filled > 0) {
        /* Whatever fills the last chunk meets weights of zero. */
        memset(tail + filled, 0, 3);
        mcucc_widen(pixel, tail, (filled + 3) / 4);
    }
}

/* Widen the window of one output column, wherever it lies. */
static void widen_column(const mcucc_conv2d_armv7em_params *params,
                               const int8_t *const *rows, int32_t column, int32_t inside,
                               const mcucc_span *span, uint32_t *pixel)
{
    const int32_t channels = params->input_channels;
    const int32_t first = column * params->stride_w - params->pad_left;
    if (inside) {
        const int32_t offset = (first - span->input_column) * channels;
        widen_window(params, rows, offset, params->dilation_w * channels, pixel);
    } else {
        uint32_t *const pixels = (uint32_t *)span->scratch;
        int8_t *const copy = (int8_t *)(pixels + MCUCC_CHUNK_WORDS * params->chunks);
        const int8_t *copies[MCUCC_CONV2D_MAX_ROWS];
        copy_window(params, rows, first, span->input_column, copy);
        for (int32_t row = 0; row < params->kernel_h; ++row) {
            copies[row] = copy + row * params->kernel_w * channels;
        }
        widen_window(params, copies, 0, channels, pixel);
    }
}

MCUCC_INLINE void conv2d(const mcucc_conv2d_armv7em_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span, mcucc_form form)
{
    const mcucc_range inside = mcucc_interior(span, params->kernel_w, params->stride_w,
                                              params->dilation_w, params->pad_left,
                                              params->input_width);
    uint32_t *const pixels = (uint32_t *)span->scratch;
    mcucc_matrix matrix = {
        pixels, params->stream, out, out, params->output_channels, params->output_zero_point,
        params->chunks,
    };
    const int32_t columns = span->end - span->begin;
    int8_t *const start = out;
    int32_t column = span->begin;

    while (column < span->end) {
        const int32_t two = column + 1 < span->end;
        for (int32_t i = 0; i <= two; ++i) {
            const int32_t here = column + i;
            widen_column(params, rows, here, here >= inside.begin && here < inside.end, span,
                         pixels + 2 * i);
        }
        matrix.p = out;
        matrix.q = out + params->output_channels;
        mcucc_matrix_run(&matrix, two, form);
        column += 1 + two;
        out += (1 + two) * params->output_channels;
    }
    mcucc_clamp_bytes(start, columns * params->output_channels, params->lo, params->hi);
}

void mcucc_conv2d_armv7em_high(const mcucc_conv2d_armv7em_params *params,
                               const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FORM_HIGH);
}

void mcucc_conv2d_armv7em_shift(const mcucc_conv2d_armv7em_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FORM_SHIFT);
}

void mcucc_conv2d_armv7em_double(const mcucc_conv2d_armv7em_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FORM_DOUBLE);
}
