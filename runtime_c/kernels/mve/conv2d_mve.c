#include "mcucc/conv2d_window_mve.h"

MCUCC_CODE static void conv2d(const mcucc_conv2d_mve_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span, int32_t bits,
                              mcucc_matrix_function_mve multiply)
{
    const int32_t column_bytes = params->kernel_h * params->input_channels;
    const mcucc_matrix_mve matrix = {params->weights,
                                     params->finish,
                                     params->kernel_w * column_bytes,
                                     params->output_channels,
                                     params->output_zero_point,
                                     params->output_channels,
                                     (int8_t *)span->scratch};
    int8_t *const strip =
        matrix.unpacked + mcucc_unpacked_scratch_mve(matrix.taps, matrix.channels, bits);
    int8_t *y = out;

    for (int32_t column = span->begin; column < span->end; column += params->tile) {
        const int32_t left = span->end - column;
        const int32_t count = left < params->tile ? left : params->tile;
        const int32_t first = column * params->stride_w - params->pad_left;
        const int32_t step = fill_windows(params, rows, span->input_column, first, count, strip);
        multiply(&matrix, strip, step * column_bytes, y, count);
        y += count * params->output_channels;
    }
    mcucc_clamp_mve(out, (span->end - span->begin) * params->output_channels, params->lo,
                    params->hi);
}

#define KERNEL(name, bits)                                                          \
    MCUCC_CODE void mcucc_conv2d_mve_##name(const mcucc_conv2d_mve_params *params,  \
                                            const int8_t *const *rows, int8_t *out, \
                                            const mcucc_span *span)                 \
    {                                                                               \
        conv2d(params, rows, out, span, bits, mcucc_matrix_mve_##name);             \
    }
#define FORMS(prefix, bits)        \
    KERNEL(prefix##doubling, bits) \
    KERNEL(prefix##shift, bits)    \
    KERNEL(prefix##wide, bits)     \
    KERNEL(prefix##double, bits)

FORMS(, 8)
FORMS(int4_, 4)
FORMS(int2_, 2)
