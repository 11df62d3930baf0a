#include "mcucc/add_double_wide.h"

#include "mcucc/wide.h"

/* `sign` is 1 or -1, that of b: a constant to each function below. */
MCUCC_INLINE void combine(const mcucc_add_double_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span, int32_t sign)
{
    const mcucc_add_double_params p = *params;
    const int32_t unit = (int32_t)1 << 15;
    const int32_t count = (span->end - span->begin) * p.channels;

    for (int32_t i = 0; i < count; ++i) {
        const int32_t real_a = (mcucc_get(rows[0], i, MCUCC_S16) - p.zero_point_a) * unit;
        const int32_t real_b = (mcucc_get(rows[1], i, MCUCC_S16) - p.zero_point_b) * unit;
        const int32_t sum = mcucc_requantize_double(real_a, p.multiplier_a, p.shift_a) +
                            mcucc_requantize_double(real_b, p.multiplier_b, p.shift_b) * sign;
        const int32_t value =
            mcucc_finish_value(sum, p.multiplier_sum, p.shift_sum, p.output_zero_point, p.lo, p.hi,
                               MCUCC_ROUND_DOUBLE);
        mcucc_put(out, i, value, MCUCC_S16);
    }
}

MCUCC_CODE void mcucc_add_s16_s16_s16_double(const mcucc_add_double_wide_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    combine(params, rows, out, span, 1);
}

MCUCC_CODE void mcucc_sub_s16_s16_s16_double(const mcucc_add_double_wide_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    combine(params, rows, out, span, -1);
}
