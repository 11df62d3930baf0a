#include "mcucc/fully_connected_wide.h"

#include "mcucc/wide.h"

MCUCC_INLINE void fully_connected(const mcucc_fully_connected_params *params,
                                  const int8_t *const *rows, int8_t *out, mcucc_element input,
                                  mcucc_element output, mcucc_rounding rounding)
{
    const int32_t inputs = params->inputs;
    const int32_t outputs = params->outputs;
    const int32_t zero = params->output_zero_point;
    const int8_t *const weights = params->weights;

    for (int32_t even = 0; even < outputs; even += 2) {
        /* An odd last output is paired with itself. */
        const int32_t odd = even + 1 < outputs ? even + 1 : even;
        mcucc_sums sums = {params->bias[even], params->bias[odd]};
        mcucc_dot_wide(&sums, rows[0], weights + even * inputs, weights + odd * inputs, inputs,
                       input);
        const int32_t first =
            mcucc_finish_value(sums.even, params->multiplier[even], params->shift[even], zero,
                               params->lo, params->hi, rounding);
        const int32_t second =
            mcucc_finish_value(sums.odd, params->multiplier[odd], params->shift[odd], zero,
                               params->lo, params->hi, rounding);
        mcucc_put(out, even, first, output);
        mcucc_put(out, odd, second, output);
    }
}

MCUCC_CODE void mcucc_fully_connected_s8_s16(const mcucc_fully_connected_wide_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows, out, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_fully_connected_s8_s16_short(const mcucc_fully_connected_wide_params *params,
                                                   const int8_t *const *rows, int8_t *out,
                                                   const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows, out, MCUCC_S8, MCUCC_S16, MCUCC_ROUND_SHORT);
}

MCUCC_CODE void mcucc_fully_connected_s16_s8(const mcucc_fully_connected_wide_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows, out, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_fully_connected_s16_s8_short(const mcucc_fully_connected_wide_params *params,
                                                   const int8_t *const *rows, int8_t *out,
                                                   const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows, out, MCUCC_S16, MCUCC_S8, MCUCC_ROUND_SHORT);
}

MCUCC_CODE void mcucc_fully_connected_s16_s16(const mcucc_fully_connected_wide_params *params,
                                              const int8_t *const *rows, int8_t *out,
                                              const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows, out, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_fully_connected_s16_s16_short(const mcucc_fully_connected_wide_params *params,
                                                    const int8_t *const *rows, int8_t *out,
                                                    const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows, out, MCUCC_S16, MCUCC_S16, MCUCC_ROUND_SHORT);
}
