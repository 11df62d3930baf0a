#include "mcucc/conv_transpose2d.h"

#include "mcucc/requantize.h"

/* What one input row adds to an output: the taps k = first, first + stride, ... of `weights`, the
 * first of them on input column `column`, the next one on the column before it. */
MCUCC_INLINE int32_t row_sum(const mcucc_conv_transpose2d_params *p, const int8_t *row,
                             const int8_t *weights, int32_t column, int32_t first, int32_t origin)
{
    int32_t sum = 0;

    for (int32_t k = first; k < p->kernel_w && column >= 0; k += p->stride_w, --column) {
        if (column < p->input_width) {
            const int8_t *x = row + (column - origin) * p->input_channels;
            const int8_t *w = weights + k * p->input_channels;
            for (int32_t i = 0; i < p->input_channels; ++i) {
                sum += (x[i] - p->input_zero_point) * w[i];
            }
        }
    }
    return sum;
}

MCUCC_INLINE void conv_transpose2d(const mcucc_conv_transpose2d_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                   mcucc_rounding rounding)
{
    const mcucc_conv_transpose2d_params p = *params;
    const int32_t taps = (p.kernel_h + p.stride_h - 1) / p.stride_h;
    const int32_t first_h = (span->row + p.cut_top) % p.stride_h;
    const int32_t weights_row = p.kernel_w * p.input_channels;

    for (int32_t c = span->begin; c < span->end; ++c) {
        const int32_t column = (c + p.cut_left) / p.stride_w;
        const int32_t first_w = (c + p.cut_left) % p.stride_w;

        for (int32_t o = 0; o < p.output_channels; ++o) {
            const int8_t *const weights = p.weights + o * p.kernel_h * weights_row;
            int32_t sum = p.bias[o];
            for (int32_t tap = 0; tap < taps; ++tap) { /* the last row meets the first weights */
                const int32_t k = first_h + (taps - 1 - tap) * p.stride_h;
                if (rows[tap] != NULL && k < p.kernel_h) {
                    sum += row_sum(&p, rows[tap], weights + k * weights_row, column, first_w,
                                   span->input_column);
                }
            }
            *out++ = mcucc_finish(sum, p.multiplier[o], p.shift[o], p.output_zero_point, p.lo, p.hi,
                                  rounding);
        }
    }
}

MCUCC_CODE void mcucc_conv_transpose2d(const mcucc_conv_transpose2d_params *params,
                                       const int8_t *const *rows, int8_t *out,
                                       const mcucc_span *span)
{
    conv_transpose2d(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_conv_transpose2d_double(const mcucc_conv_transpose2d_params *params,
                                              const int8_t *const *rows, int8_t *out,
                                              const mcucc_span *span)
{
    conv_transpose2d(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}
