#include "mcucc/conv2d_mve_border.h"

#include "mcucc/conv2d_window_mve.h"

/* The biases of each zone of columns in an output row. */
MCUCC_CODE static const int16_t *zones_of_row(const mcucc_conv2d_mve_border_params *params,
                                              int32_t row)
{
    const int16_t *zones = params->zones;
    for (const int16_t *end = params->row_ends; *end <= row; ++end) {
        zones += params->column_zones;
    }
    return zones;
}

MCUCC_CODE static void conv2d_border(const mcucc_conv2d_mve_border_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                     int32_t bits, mcucc_form_mve form,
                                     mcucc_matrix_function_mve multiply)
{
    const mcucc_conv2d_mve_params *const layer = &params->layer;
    const int32_t column_bytes = layer->kernel_h * layer->input_channels;
    const int32_t words = layer->output_channels * mcucc_entry_words(form);
    const int16_t *const zones = zones_of_row(params, span->row);
    mcucc_matrix_mve matrix = {layer->weights,
                               layer->finish,
                               layer->kernel_w * column_bytes,
                               layer->output_channels,
                               layer->output_zero_point,
                               layer->output_channels,
                               (int8_t *)span->scratch};
    int8_t *const strip =
        matrix.unpacked + mcucc_unpacked_scratch_mve(matrix.taps, matrix.channels, bits);
    int32_t column = span->begin;
    int32_t zone = 0;
    int8_t *y = out;

    while (column < span->end) {
        const int32_t left = span->end - column;
        const int32_t end = column + (left < layer->tile ? left : layer->tile);
        const int32_t first = column * layer->stride_w - layer->pad_left;
        const int8_t *x = strip;
        const int32_t step = column_bytes * fill_windows(layer, rows, span->input_column, first,
                                                         end - column, strip);
        while (column < end) {
            while (params->column_ends[zone] <= column) {
                ++zone;
            }
            const int32_t edge = params->column_ends[zone];
            const int32_t count = (edge < end ? edge : end) - column;
            matrix.finish = layer->finish + zones[zone] * words;
            multiply(&matrix, x, step, y, count);
            x += count * step;
            y += count * layer->output_channels;
            column += count;
        }
    }
    mcucc_clamp_mve(out, (span->end - span->begin) * layer->output_channels, layer->lo, layer->hi);
}

#define KERNEL(prefix, form, bits)                                                            \
    MCUCC_CODE void mcucc_conv2d_mve_border_##prefix##form(                                   \
        const mcucc_conv2d_mve_border_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                               \
    {                                                                                         \
        conv2d_border(params, rows, out, span, bits, MCUCC_FORM_MVE_##form,                   \
                      mcucc_matrix_mve_##prefix##form);                                       \
    }
#define FORMS(prefix, bits)        \
    KERNEL(prefix, doubling, bits) \
    KERNEL(prefix, shift, bits)    \
    KERNEL(prefix, wide, bits)     \
    KERNEL(prefix, double, bits)

FORMS(, 8)
FORMS(int4_, 4)
FORMS(int2_, 2)
