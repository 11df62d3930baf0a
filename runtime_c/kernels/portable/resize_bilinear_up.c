#include "mcucc/resize_bilinear_up.h"

#include "mcucc/requantize.h"

#define ONE ((int32_t)1 << 10)

/* part / unit, a whole number of 1024ths. */
MCUCC_INLINE int32_t weight_of(int32_t part, int32_t unit)
{
    return part * (ONE / unit);
}

MCUCC_CODE void mcucc_resize_bilinear_up(const mcucc_resize_bilinear_up_params *params,
                                         const int8_t *const *rows, int8_t *out,
                                         const mcucc_span *span)
{
    const mcucc_resize_bilinear_params p = params->plain;
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

        for (int32_t i = 0; i < p.channels; ++i) {
            /* one row is there: NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
            const int32_t high = above[left + i] * (ONE - across) + above[right + i] * across;
            const int32_t low = below[left + i] * (ONE - across) + below[right + i] * across;
            const int32_t sum = high * (ONE - down) + low * down;
            *out++ = (int8_t)((sum + ONE * ONE / 2) >> 20);
        }
        part += p.column_step;
        column += part / p.column_unit;
        part %= p.column_unit;
    }
}
