#include "mcucc/add_wide.h"

#include "mcucc/wide.h"

MCUCC_INLINE void add(const mcucc_add_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span, mcucc_element a, mcucc_element b, mcucc_element y)
{
    const mcucc_add_params p = *params;
    const int32_t count = (span->end - span->begin) * p.channels;

    for (int32_t i = 0; i < count; ++i) {
        const int32_t sum = mcucc_get(rows[0], i, a) * p.multiplier_a +
                            mcucc_get(rows[1], i, b) * p.multiplier_b + p.bias;
        mcucc_put(out, i, mcucc_clamp((sum >> p.shift) + p.output_zero_point, p.lo, p.hi), y);
    }
}

MCUCC_CODE void mcucc_add_s8_s8_s16(const mcucc_add_wide_params *params, const int8_t *const *rows,
                                    int8_t *out, const mcucc_span *span)
{
    add(params, rows, out, span, MCUCC_S8, MCUCC_S8, MCUCC_S16);
}

MCUCC_CODE void mcucc_add_s8_s16_s8(const mcucc_add_wide_params *params, const int8_t *const *rows,
                                    int8_t *out, const mcucc_span *span)
{
    add(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_S8);
}

MCUCC_CODE void mcucc_add_s8_s16_s16(const mcucc_add_wide_params *params, const int8_t *const *rows,
                                     int8_t *out, const mcucc_span *span)
{
    add(params, rows, out, span, MCUCC_S8, MCUCC_S16, MCUCC_S16);
}

MCUCC_CODE void mcucc_add_s16_s8_s8(const mcucc_add_wide_params *params, const int8_t *const *rows,
                                    int8_t *out, const mcucc_span *span)
{
    add(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_S8);
}

MCUCC_CODE void mcucc_add_s16_s8_s16(const mcucc_add_wide_params *params, const int8_t *const *rows,
                                     int8_t *out, const mcucc_span *span)
{
    add(params, rows, out, span, MCUCC_S16, MCUCC_S8, MCUCC_S16);
}

MCUCC_CODE void mcucc_add_s16_s16_s8(const mcucc_add_wide_params *params, const int8_t *const *rows,
                                     int8_t *out, const mcucc_span *span)
{
    add(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_S8);
}

MCUCC_CODE void mcucc_add_s16_s16_s16(const mcucc_add_wide_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span)
{
    add(params, rows, out, span, MCUCC_S16, MCUCC_S16, MCUCC_S16);
}
