/* Windows of a convolution on Armv7E-M: their runs found, and copied where some of their taps are
 * padding. Included once a unit: mcucc/conv2d_armv7em.h says what runs are.
 */
#ifndef MCUCC_CONV2D_WINDOW_ARMV7EM_H
#define MCUCC_CONV2D_WINDOW_ARMV7EM_H

#include "mcucc/conv2d_armv7em.h"
#include "mcucc/matrix_packed_armv7em.h"
#include "mcucc/window.h"
#include "mcucc/window_runs_armv7em.h"

/* A window's rows copied into scratch, the columns outside the input filled with its zero point. */
MCUCC_CODE static void copy_window(const mcucc_conv2d_armv7em_params *params,
                                   const int8_t *const *rows, int32_t first, int32_t input_column,
                                   int8_t *copy)
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

/* Widen the window at input column `first`, whose taps are apart or partly in the padding. */
MCUCC_CODE static void widen_hard(const mcucc_conv2d_armv7em_params *params,
                                  const window_runs *shape, const int8_t *const *rows,
                                  int32_t first, int32_t inside, const mcucc_span *span,
                                  uint32_t *pixel)
{
    const int32_t channels = params->input_channels;
    const int8_t *runs[MCUCC_CONV2D_MAX_RUNS];
    int8_t *const copy =
        (int8_t *)span->scratch + MCUCC_CHUNK_WORDS * (int32_t)sizeof(uint32_t) * params->chunks;
    if (!inside) {
        copy_window(params, rows, first, span->input_column, copy);
    }
    for (int32_t i = 0; i < shape->count; ++i) {
        const int32_t column = first - span->input_column + i % params->runs * params->dilation_w;
        runs[i] = inside ? rows[i / params->runs] + column * channels : copy + i * params->run;
    }
    widen_window(shape, runs, 0, pixel);
}

#endif
