#include "mcucc/resize_bilinear.h"

#include <string.h>

#include "mcucc/requantize.h"

#define ONE ((int32_t)1 << 10)
#define SHORT_UNIT ((int32_t)1 << 21) /* up to here 32 bits hold what is divided */

/* part / unit as a weight of 10 bits. */
MCUCC_INLINE int32_t weight_of(int32_t part, int32_t unit)
{
    if (unit < SHORT_UNIT) {
        return (int32_t)(((uint32_t)part * (uint32_t)ONE + (uint32_t)unit / 2u) / (uint32_t)unit);
    }
    return (int32_t)(((int64_t)part * ONE + unit / 2) / unit);
}

MCUCC_CODE void mcucc_resize_bilinear(const mcucc_resize_bilinear_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span)
{
    const mcucc_resize_bilinear_params p = *params;
    const int8_t *const above = rows[rows[0] != NULL ? 0 : 1];
    const int8_t *const below = rows[rows[1] != NULL ? 1 : 0];
    const int32_t down = weight_of((span->row * p.row_step + p.row_phase) % p.row_unit, p.row_unit);
    const int32_t start = span->begin * p.column_step + p.column_phase;
    int32_t column = start / p.column_unit - p.pad_left;
    int32_t part = start % p.column_unit;

    for (int32_t c = span->begin; c < span->end; ++c) {
        const int32_t first = mcucc_clamp(column, 0, p.input_width - 1);
        const int32_t second = mcucc_clamp(column + 1, 0, p.input_width - 1);
        const int32_t left = (first - span->input_column) * p.channels;
        const int32_t right = (second - span->input_column) * p.channels;
        const int32_t across = weight_of(part, p.column_unit);
        const int32_t above_left = (ONE - across) * (ONE - down);
        const int32_t above_right = across * (ONE - down);
        const int32_t below_left = (ONE - across) * down;
        const int32_t below_right = across * down;

        for (int32_t i = 0; i < p.channels; ++i) {
            /* one row is there: NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
            const int32_t sum = above[left + i] * above_left + above[right + i] * above_right +
                                below[left + i] * below_left + below[right + i] * below_right;
            /* halves away from zero: a negative sum is one less before the shift floors it */
            *out++ = (int8_t)((sum + (sum >> 31) + ONE * ONE / 2) >> 20);
        }
        part += p.column_step;
        column += part / p.column_unit;
        part %= p.column_unit;
    }
}

#define LANES UINT32_C(0x00ff00ff)
#define OFFSET UINT32_C(0x80808080) /* to bytes of 0 to 255 and back */

/* Values of four channels, 0 to 255 times a unit, in two words of two. */
typedef struct {
    uint32_t even;
    uint32_t odd;
} lanes;

/* The channels of one pixel and the next `count` - 1 bytes, at most four. */
MCUCC_INLINE uint32_t load_few(const int8_t *x, int32_t count)
{
    uint32_t word = 0;
    for (int32_t i = 0; i < count; ++i) {
        word |= (uint32_t)(uint8_t)x[i] << (8 * i);
    }
    return word ^ OFFSET;
}

MCUCC_INLINE uint32_t load_channels(const int8_t *x, int32_t count)
{
    uint32_t word;
    if (count < 4) {
        return load_few(x, count);
    }
    memcpy(&word, x, sizeof word);
    return word ^ OFFSET;
}

MCUCC_INLINE void store_channels(int8_t *out, uint32_t word, int32_t count)
{
    word ^= OFFSET;
    if (count < 4) {
        for (int32_t i = 0; i < count; ++i) {
            out[i] = (int8_t)(uint8_t)(word >> (8 * i));
        }
    } else {
        memcpy(out, &word, sizeof word);
    }
}

/* What all outputs of a call share; a copy, which no store of bytes can change. */
typedef struct {
    const int8_t *above; /* column `origin` of the input */
    const int8_t *below;
    int32_t origin;
    uint32_t up; /* weights of the rows above and below */
    uint32_t down;
    int32_t last; /* column of the input */
    int32_t channels;
    int32_t bits;
    int32_t step;
    int32_t unit;
    int32_t column;
    int32_t part;
} place;

/* Both rows at an input column, blended. */
MCUCC_INLINE lanes blend_rows(const place *at, int32_t column, int32_t channel, int32_t count)
{
    const int32_t from = mcucc_clamp(column, 0, at->last) - at->origin;
    const int32_t offset = from * at->channels + channel;
    /* one row is there: NOLINTNEXTLINE(clang-analyzer-core.NullPointerArithm) */
    const uint32_t above = load_channels(at->above + offset, count);
    const uint32_t below = load_channels(at->below + offset, count);
    const lanes blended = {
        (above & LANES) * at->up + (below & LANES) * at->down,
        (above >> 8 & LANES) * at->up + (below >> 8 & LANES) * at->down,
    };
    return blended;
}

/* Sums of 2^bits in all, from 0, to values: to nearest, halves away from 128, which stands for 0. */
MCUCC_INLINE uint32_t rounded(uint32_t sums, int32_t bits)
{
    const uint32_t half = UINT32_C(0x00010001) << (bits - 1);
    const uint32_t positive = sums >> (bits + 7) & UINT32_C(0x00010001);
    return (sums + positive + (half - UINT32_C(0x00010001))) >> bits & LANES;
}

/* `count` channels of all columns, so that an input column is blended once for all its outputs. */
MCUCC_INLINE void resize_channels(const place all, int32_t channel, int32_t count, int8_t *out,
                                  int32_t columns)
{
    const place *const at = &all;
    int32_t column = all.column;
    int32_t part = all.part;
    lanes left = blend_rows(at, column, channel, count);
    lanes right = blend_rows(at, column + 1, channel, count);

    out += channel;
    for (;;) {
        const uint32_t far = (uint32_t)part;
        const uint32_t near = (uint32_t)(all.unit - part);
        const uint32_t even = rounded(left.even * near + right.even * far, all.bits);
        const uint32_t odd = rounded(left.odd * near + right.odd * far, all.bits);
        store_channels(out, even | odd << 8, count);
        if (--columns == 0) {
            return;
        }
        out += all.channels;
        part += all.step;
        while (part >= all.unit) {
            part -= all.unit;
            ++column;
            left = right;
            right = blend_rows(at, column + 1, channel, count);
        }
    }
}

MCUCC_CODE void mcucc_resize_bilinear_lanes(const mcucc_resize_bilinear_params *params,
                                            const int8_t *const *rows, int8_t *out,
                                            const mcucc_span *span)
{
    const int32_t channels = params->channels;
    const int32_t columns = span->end - span->begin;
    const int32_t start = span->begin * params->column_step + params->column_phase;
    const int32_t down = (span->row * params->row_step + params->row_phase) % params->row_unit;
    const place at = {
        .above = rows[rows[0] != NULL ? 0 : 1],
        .below = rows[rows[1] != NULL ? 1 : 0],
        .origin = span->input_column,
        .up = (uint32_t)(params->row_unit - down),
        .down = (uint32_t)down,
        .last = params->input_width - 1,
        .channels = channels,
        .bits = params->bits,
        .step = params->column_step,
        .unit = params->column_unit,
        .column = start / params->column_unit - params->pad_left,
        .part = start % params->column_unit,
    };

    if (columns <= 0) {
        return;
    }
    if (channels < 4) {
        resize_channels(at, 0, channels, out, columns);
        return;
    }
    for (int32_t channel = 0; channel < channels; channel += 4) {
        const int32_t first = channel + 4 <= channels ? channel : channels - 4;
        resize_channels(at, first, 4, out, columns);
    }
}
