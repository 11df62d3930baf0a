#include "mcucc/average_pool_wide.h"

#include "mcucc/wide.h"
#include "mcucc/window.h"

/* One output pixel: its taps and the factor that divides by their number. */
typedef struct {
    int32_t offset;     /* of the first valid tap in every row, values */
    int32_t columns;    /* valid taps of a row */
    int32_t multiplier; /* or (MCUCC_ROUND_DIVIDE) the number of taps */
    int32_t shift;
} pixel;

MCUCC_INLINE pixel select_pixel(const mcucc_average_pool_params *params, const mcucc_span *span,
                                int32_t column, int32_t rows, mcucc_rounding rounding)
{
    const int32_t first = column * params->stride_w - params->pad_left;
    const mcucc_range taps =
        mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
    const int32_t tap = first + taps.begin * params->dilation_w - span->input_column;
    const int32_t columns = taps.end - taps.begin;
    const int32_t count =
        params->count_include_pad ? params->kernel_h * params->kernel_w : rows * columns;
    const int32_t divides = rounding == MCUCC_ROUND_DIVIDE;
    const pixel at = {
        tap * params->channels,
        columns,
        divides ? count : params->multiplier[count - 1],
        divides ? 0 : params->shift[count - 1],
    };
    return at;
}

/* Rows of padding hold the zero point, which adds nothing. */
MCUCC_INLINE void average_pool(const mcucc_average_pool_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span, mcucc_element input,
                               mcucc_element output, mcucc_rounding rounding)
{
    const int32_t channels = params->channels;
    const int32_t tap_step = params->dilation_w * channels;
    const mcucc_range valid =
        mcucc_valid_taps(span->row * params->stride_h - params->pad_top, params->kernel_h,
                         params->dilation_h, params->input_height);

    for (int32_t column = span->begin; column < span->end; ++column) {
        const pixel at = select_pixel(params, span, column, valid.end - valid.begin, rounding);
        const int32_t zeros = params->input_zero_point * params->kernel_h * at.columns;
        for (int32_t channel = 0; channel < channels; ++channel) {
            int32_t sum = -zeros;
            for (int32_t row = 0; row < params->kernel_h; ++row) {
                const int8_t *x = mcucc_at(rows[row], at.offset + channel, input);
                for (int32_t tap = 0; tap < at.columns; ++tap) {
                    sum += mcucc_get(x, tap * tap_step, input);
                }
            }
            const int32_t value =
                rounding == MCUCC_ROUND_DIVIDE
                    ? mcucc_clamp(mcucc_divide_half_away(sum, at.multiplier), params->lo,
                                  params->hi)
                    : mcucc_finish_value(sum, at.multiplier, at.shift, params->output_zero_point,
                                         params->lo, params->hi, rounding);
            mcucc_put(out, channel, value, output);
        }
        out = mcucc_at_out(out, channels, output);
    }
}

MCUCC_CODE void mcucc_average_pool_s8_s16(const mcucc_average_pool_wide_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_average_pool_s16_s8(const mcucc_average_pool_wide_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_average_pool_s16_s16(const mcucc_average_pool_wide_params *params,
                                           const int8_t *const *rows, int8_t *out,
                                           const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_average_pool_divide_s16_s16(const mcucc_average_pool_wide_params *params,
                                                  const int8_t *const *rows, int8_t *out,
                                                  const mcucc_span *span)
{
    average_pool(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_DIVIDE);
}
