/* Windows of a convolution on Helium: the strip of columns in which they lie. Included once a unit:
 * mcucc/conv2d_mve.h says what a strip is.
 */
#ifndef MCUCC_CONV2D_WINDOW_MVE_H
#define MCUCC_CONV2D_WINDOW_MVE_H

#include "mcucc/conv2d_mve.h"
#include "mcucc/matrix_packed_mve.h"

/* `columns` pixels of up to 16 channels, as many at a time as a vector holds, each to a column of
 * the strip of its own. */
MCUCC_CODE static void scatter_narrow(const mcucc_conv2d_mve_params *params, const int8_t *x,
                                      int8_t *strip, int32_t columns)
{
    const int32_t channels = params->input_channels;
    const int32_t group = MCUCC_VECTOR / channels;
    const int32_t step = group * params->kernel_h * channels;
    const int32_t lanes = group * channels;
    for (; columns > 0; columns -= group) {
        const int32_t count = columns < group ? columns * channels : lanes;
#if MCUCC_MVE
        /* clang-format off */
        __asm volatile("vldrb.8 q1, [%[offsets]]      \n"
                       "vctp.8 %[count]               \n"
                       "vpstt                         \n"
                       "vldrbt.8 q0, [%[x]]           \n"
                       "vstrbt.8 q0, [%[strip], q1]   \n"
                       :
                       : [offsets] "r"(params->scatter), [count] "r"(count), [x] "r"(x),
                         [strip] "r"(strip)
                       : "q0", "q1", "memory");
        /* clang-format on */
#else
        for (int32_t i = 0; i < count; ++i) {
            strip[params->scatter[i]] = x[i];
        }
#endif
        x += lanes;
        strip += step;
    }
}

MCUCC_CODE static void scatter_wide(const mcucc_conv2d_mve_params *params, const int8_t *x,
                                    int8_t *strip, int32_t columns)
{
    for (; columns > 0; --columns) {
        mcucc_copy_mve(strip, x, params->input_channels);
        x += params->input_channels;
        strip += params->kernel_h * params->input_channels;
    }
}

/* The input columns [first, end) as a strip; those outside the input hold its zero point. */
MCUCC_CODE static void fill_strip(const mcucc_conv2d_mve_params *params, const int8_t *const *rows,
                                  int32_t input_column, int32_t first, int32_t end, int8_t *strip)
{
    const int32_t channels = params->input_channels;
    const int32_t column_bytes = params->kernel_h * channels;
    const int32_t begin = mcucc_clamp(0, first, end);
    const int32_t stop = mcucc_clamp(params->input_width, begin, end);
    int8_t *const inside = strip + (begin - first) * column_bytes;
    mcucc_fill_mve(strip, params->input_zero_point, (begin - first) * column_bytes);
    mcucc_fill_mve(strip + (stop - first) * column_bytes, params->input_zero_point,
                   (end - stop) * column_bytes);
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        const int8_t *x = rows[row] + (begin - input_column) * channels;
        if (channels <= MCUCC_VECTOR) {
            scatter_narrow(params, x, inside + row * channels, stop - begin);
        } else {
            scatter_wide(params, x, inside + row * channels, stop - begin);
        }
    }
}

/* The windows of `count` outputs from `first` on; returns the columns from one to the next. */
MCUCC_CODE static int32_t fill_windows(const mcucc_conv2d_mve_params *params,
                                       const int8_t *const *rows, int32_t input_column,
                                       int32_t first, int32_t count, int8_t *strip)
{
    const int32_t column_bytes = params->kernel_h * params->input_channels;
    const int32_t last = first + (count - 1) * params->stride_w;
    if (params->dilation_w == 1 && params->stride_w <= params->kernel_w) {
        fill_strip(params, rows, input_column, first, last + params->kernel_w, strip);
        return params->stride_w;
    }
    for (; first <= last; first += params->stride_w) {
        for (int32_t tap = 0; tap < params->kernel_w; ++tap) {
            const int32_t column = first + tap * params->dilation_w;
            fill_strip(params, rows, input_column, column, column + 1, strip);
            strip += column_bytes;
        }
    }
    return params->kernel_w;
}

#endif
