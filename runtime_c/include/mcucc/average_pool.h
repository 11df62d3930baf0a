/* AveragePool: y = clamp(round(sum (x - input_zero_point) * M[n]) + output_zero_point).
 *
 * M[n] = multiplier[n - 1] * 2^-shift[n - 1] holds the division by n, the number of taps inside the
 * input or (count_include_pad) of all taps.
 * ROW kernel. `rows` holds kernel_h pointers, dilation applied, each at input column
 * span->input_column; rows of padding hold input_zero_point, which adds nothing. `out` is the pixel
 * of column span->begin of row span->row.
 */
#ifndef MCUCC_AVERAGE_POOL_H
#define MCUCC_AVERAGE_POOL_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_w;
    int32_t dilation_w;
    int32_t pad_left;
    int32_t stride_h;
    int32_t dilation_h;
    int32_t pad_top;
    int32_t input_height; /* of the whole tensor, in pixels */
    int32_t input_width;
    int32_t channels;
    int32_t count_include_pad;
    const int32_t *multiplier; /* [kernel_h * kernel_w]; NULL for mcucc_average_pool_divide */
    const uint8_t *shift;      /* [kernel_h * kernel_w] */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_average_pool_params;

void mcucc_average_pool(const mcucc_average_pool_params *params, const int8_t *const *rows,
                        int8_t *out, const mcucc_span *span);

/* The same with the rounding of the LiteRT reference kernels. */
void mcucc_average_pool_double(const mcucc_average_pool_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span);

/* y = clamp(sum x / n), half away from zero: LiteRT's pool. Rows of padding hold 0, as do both zero
 * points; `multiplier` and `shift` are not read. */
void mcucc_average_pool_divide(const mcucc_average_pool_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span);

#endif
