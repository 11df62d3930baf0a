#include "mcucc/table_function_wide.h"

#include "mcucc/wide.h"

#define LAST 255 /* from this entry on the function is its largest value */

/* The table between two entries, times 2^bits; `largest` from the last entry on. */
MCUCC_CODE static int32_t line(const uint16_t *table, int32_t magnitude, int32_t bits,
                               int32_t largest)
{
    const int32_t index = magnitude >> bits;
    if (index >= LAST) {
        return largest;
    }
    const int32_t base = table[index];
    const int32_t part = magnitude & (((int32_t)1 << bits) - 1);
    return base * ((int32_t)1 << bits) + part * (table[index + 1] - base);
}

MCUCC_CODE static int32_t logistic(const uint16_t *table, int32_t x)
{
    if (x >= 0) {
        return (line(table, x, 9, INT32_C(0x7fff) << 10) + (1 << 9)) >> 10;
    }
    return ((INT32_C(1) << 25) - line(table, -x, 9, INT32_C(0x7fff) << 10) + (1 << 9) - 1) >> 10;
}

MCUCC_CODE static int32_t hyperbolic_tangent(const uint16_t *table, int32_t x)
{
    const int32_t middle = INT32_C(1) << 23;
    if (x >= 0) {
        return (line(table, x, 8, INT32_C(0xffff) << 8) - middle + (1 << 7)) >> 8;
    }
    return (middle - line(table, -x, 8, INT32_C(0xffff) << 8) + (1 << 7) - 1) >> 8;
}

MCUCC_CODE void mcucc_table_function_s16_s16(const mcucc_table_function_wide_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    const mcucc_table_function_wide_params p = *params;
    const int32_t count = (span->end - span->begin) * p.channels;
    const int32_t half = (int32_t)(((uint32_t)1 << p.shift) >> 1);

    for (int32_t i = 0; i < count; ++i) {
        const int32_t x = (mcucc_get(rows[0], i, MCUCC_S16) * p.multiplier + half) >> p.shift;
        const int32_t y = p.tanh ? hyperbolic_tangent(p.table, x) : logistic(p.table, x);
        mcucc_put(out, i, y, MCUCC_S16);
    }
}
