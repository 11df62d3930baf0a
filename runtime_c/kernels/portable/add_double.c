#include "mcucc/add_double.h"

#include "mcucc/requantize.h"

/* `sign` is 1 or -1, that of b: a constant to each function below. */
MCUCC_INLINE void combine(const mcucc_add_double_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span, int32_t sign)
{
    const mcucc_add_double_params p = *params;
    const int32_t unit = (int32_t)1 << 20;
    const int8_t *a = rows[0];
    const int8_t *b = rows[1];
    const int8_t *const end = out + (span->end - span->begin) * p.channels;

    while (out < end) {
        const int32_t real_a = (*a++ - p.zero_point_a) * unit;
        const int32_t real_b = (*b++ - p.zero_point_b) * unit;
        const int32_t sum = mcucc_requantize_double(real_a, p.multiplier_a, p.shift_a) +
                            mcucc_requantize_double(real_b, p.multiplier_b, p.shift_b) * sign;
        *out++ = mcucc_finish(sum, p.multiplier_sum, p.shift_sum, p.output_zero_point, p.lo, p.hi,
                              MCUCC_ROUND_DOUBLE);
    }
}

MCUCC_CODE void mcucc_add_double(const mcucc_add_double_params *params, const int8_t *const *rows,
                                 int8_t *out, const mcucc_span *span)
{
    combine(params, rows, out, span, 1);
}

MCUCC_CODE void mcucc_sub_double(const mcucc_add_double_params *params, const int8_t *const *rows,
                                 int8_t *out, const mcucc_span *span)
{
    combine(params, rows, out, span, -1);
}
