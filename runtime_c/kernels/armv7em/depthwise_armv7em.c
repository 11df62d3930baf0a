#include "mcucc/depthwise_armv7em.h"

#include "mcucc/finish_armv7em.h"
#include "mcucc/window.h"

/* Channels rearranged together: the bytes of a word. */
#define CHANNELS 4

/* Columns from `first` on, as inputs of one tile. */
typedef struct {
    const int8_t *const *rows;
    int32_t channels;
    int32_t offset; /* bytes from rows[i] to the block's first channel of input column 0 */
    int32_t first;  /* input column of the tile's first tap, may lie in the padding */
    int32_t end;    /* one past the last input column that may be read */
    int32_t pairs;  /* of columns */
    uint32_t padding; /* four zero points */
} tile_input;

/* Rearrange one word of four channels from each of two places into a pair for every channel. */
MCUCC_INLINE void split(uint32_t *plane, int32_t plane_words, uint32_t first, uint32_t second)
{
    const uint32_t first_even = mcucc_even_bytes(first);
    const uint32_t first_odd = mcucc_odd_bytes(first);
    const uint32_t second_even = mcucc_even_bytes(second);
    const uint32_t second_odd = mcucc_odd_bytes(second);
    plane[0] = mcucc_bottoms(first_even, second_even);
    plane[plane_words] = mcucc_bottoms(first_odd, second_odd);
    plane[2 * plane_words] = mcucc_tops(first_even, second_even);
    plane[3 * plane_words] = mcucc_tops(first_odd, second_odd);
}

MCUCC_INLINE uint32_t word_at(const tile_input *input, const int8_t *row, int32_t column)
{
    const int32_t inside = column >= 0 && column < input->end;
    return inside ? mcucc_load(row + column * input->channels) : input->padding;
}

/* Two rows, (upper, lower) pairs of every column; or, with upper == lower, one row's (column,
 * next column) pairs. A plane holds `kernel` words for every two columns. */
MCUCC_INLINE void split_rows(const tile_input *input, uint32_t *plane, const int8_t *upper,
                             const int8_t *lower, int32_t kernel, int32_t single)
{
    const int32_t plane_words = kernel * input->pairs;
    const int32_t step = input->channels;
    int32_t column = input->first;
    upper += input->offset;
    lower += input->offset;
    for (int32_t pair = 0; pair < input->pairs; ++pair) {
        uint32_t a, b, c = 0, d = 0;
        if (column >= 0 && column + 1 < input->end) {
            const int8_t *x = upper + column * step;
            a = mcucc_load(x);
            b = mcucc_load(x + step);
            if (!single) {
                const int8_t *y = lower + column * step;
                c = mcucc_load(y);
                d = mcucc_load(y + step);
            }
        } else {
            a = word_at(input, upper, column);
            b = word_at(input, upper, column + 1);
            c = word_at(input, lower, column);
            d = word_at(input, lower, column + 1);
        }
        if (single) {
            split(plane, plane_words, a, b);
        } else {
            split(plane, plane_words, a, c);
            split(plane + 1, plane_words, b, d);
        }
        plane += kernel;
        column += 2;
    }
}

MCUCC_INLINE void split_tile(const tile_input *input, uint32_t *planes, int32_t kernel)
{
    for (int32_t row = 0; row + 1 < kernel; row += 2) {
        split_rows(input, planes, input->rows[row], input->rows[row + 1], kernel, 0);
        planes += 2;
    }
    split_rows(input, planes, input->rows[kernel - 1], input->rows[kernel - 1], kernel, 1);
}

/* `count` (2 or 4) neighbouring outputs of one channel: sums[] += taps. */
MCUCC_INLINE void multiply(int32_t *sums, const uint32_t *plane, const uint32_t *weights,
                           int32_t count, int32_t kernel, int32_t stride)
{
    for (int32_t row = 0; row + 1 < kernel; row += 2) {
#pragma GCC unroll 7
        for (int32_t tap = 0; tap < kernel; ++tap) {
            const uint32_t weight = *weights++;
#pragma GCC unroll 4
            for (int32_t output = 0; output < count; ++output) {
                const int32_t column = output * stride + tap;
                sums[output] =
                    mcucc_dot2(plane[column / 2 * kernel + column % 2], weight, sums[output]);
            }
        }
        plane += 2;
    }
    /* The last row, columns in pairs: outputs at even columns, then those at odd ones. */
    const int32_t half = kernel / 2;
#pragma GCC unroll 3
    for (int32_t tap = 0; tap < half; ++tap) {
        const uint32_t even = weights[tap];
        const uint32_t odd = weights[half + tap];
#pragma GCC unroll 4
        for (int32_t output = 0; output < count; ++output) {
            const uint32_t *x = plane + (output * stride / 2 + tap) * kernel;
            if (output * stride % 2 == 0) {
                sums[output] = mcucc_dot2(x[0], even, sums[output]);
                if (tap == half - 1) {
                    sums[output] = mcucc_mac_bt(x[kernel], odd, sums[output]);
                }
            } else {
                if (tap == 0) {
                    sums[output] = mcucc_mac_tb(x[0], even, sums[output]);
                }
                sums[output] = mcucc_dot2(x[kernel], odd, sums[output]);
            }
        }
    }
}

/* `columns` outputs of one channel, `step` bytes apart. */
MCUCC_INLINE void one_channel(const uint32_t *plane, const uint32_t *stream, int32_t zero_point,
                              int8_t *out, int32_t step, int32_t columns, int32_t kernel,
                              int32_t stride, mcucc_form form)
{
    const int32_t bias = (int32_t)stream[0];
    mcucc_factor factor = {(int32_t)stream[1], zero_point, 0};
    const uint32_t *weights = stream + 2;
    if (form != MCUCC_FORM_HIGH) {
        factor.addend = (int32_t)stream[2];
        factor.shift = (int32_t)stream[3];
        weights = stream + 4;
    }
    for (; columns >= 4; columns -= 4) {
        int32_t sums[4] = {bias, bias, bias, bias};
        multiply(sums, plane, weights, 4, kernel, stride);
        out[0] = mcucc_finish_factor(sums[0], factor, form);
        out[step] = mcucc_finish_factor(sums[1], factor, form);
        out[2 * step] = mcucc_finish_factor(sums[2], factor, form);
        out[3 * step] = mcucc_finish_factor(sums[3], factor, form);
        out += 4 * step;
        plane += 2 * stride * kernel;
    }
    for (; columns > 0; columns -= 2) {
        int32_t sums[2] = {bias, bias};
        multiply(sums, plane, weights, 2, kernel, stride);
        out[0] = mcucc_finish_factor(sums[0], factor, form);
        if (columns > 1) {
            out[step] = mcucc_finish_factor(sums[1], factor, form);
        }
        out += 2 * step;
        plane += stride * kernel;
    }
}

MCUCC_INLINE void depthwise(const mcucc_depthwise_armv7em_params *params,
                            const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                            int32_t kernel, int32_t stride, mcucc_form form)
{
    const int32_t channels = params->channels;
    const int32_t head = form == MCUCC_FORM_HIGH ? 2 : 4;
    const int32_t words = head + kernel * (kernel / 2) + kernel - 1;
    uint32_t *const planes = (uint32_t *)span->scratch;
    int8_t *const start = out;

    for (int32_t column = span->begin; column < span->end; column += params->tile) {
        const int32_t left = span->end - column;
        const int32_t columns = left < params->tile ? left : params->tile;
        const int32_t needed = (columns - 1) * stride + kernel;
        tile_input input = {rows, channels, 0, column * stride - params->pad_left, 0,
                            (needed + 1) / 2,
                            (uint32_t)(params->input_zero_point & 0xff) * UINT32_C(0x01010101)};
        input.end = input.first + needed;
        input.end = input.end < params->input_width ? input.end : params->input_width;
        for (int32_t block = 0; block < channels; block += CHANNELS) {
            /* The last block steps back to end at the last channel. */
            const int32_t from = block + CHANNELS <= channels ? block : channels - CHANNELS;
            input.offset = from - span->input_column * channels;
            split_tile(&input, planes, kernel);
            for (int32_t channel = 0; channel < CHANNELS; ++channel) {
                one_channel(planes + channel * kernel * input.pairs,
                            params->stream + (from + channel) * words, params->output_zero_point,
                            out + from + channel, channels, columns, kernel, stride, form);
            }
        }
        out += columns * channels;
    }
    mcucc_clamp_bytes(start, (span->end - span->begin) * channels, params->lo, params->hi);
}

#define DEPTHWISE(kernel, stride, form, FORM)                                                 \
    void mcucc_depthwise_armv7em_##kernel##_##stride##_##form(                                \
        const mcucc_depthwise_armv7em_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                               \
    {                                                                                         \
        depthwise(params, rows, out, span, kernel, stride, FORM);                             \
    }

#define FORMS(kernel, stride)                           \
    DEPTHWISE(kernel, stride, high, MCUCC_FORM_HIGH)    \
    DEPTHWISE(kernel, stride, shift, MCUCC_FORM_SHIFT)  \
    DEPTHWISE(kernel, stride, double, MCUCC_FORM_DOUBLE)

FORMS(3, 1)
FORMS(3, 2)
FORMS(5, 1)
FORMS(5, 2)
FORMS(7, 1)
FORMS(7, 2)
