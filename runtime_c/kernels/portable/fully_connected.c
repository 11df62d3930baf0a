#include "mcucc/fully_connected.h"

#include "mcucc/dot.h"

MCUCC_INLINE void fully_connected(const mcucc_fully_connected_params *params, const int8_t *x,
                                  int8_t *out, mcucc_rounding rounding)
{
    const int32_t inputs = params->inputs;
    const int32_t outputs = params->outputs;

    for (int32_t even = 0; even < outputs; even += 2) {
        /* An odd last output is paired with itself. */
        const int32_t odd = even + 1 < outputs ? even + 1 : even;
        const int8_t *even_weights = params->weights + even * inputs;
        const int8_t *odd_weights = params->weights + odd * inputs;
        mcucc_sums sums = {params->bias[even], params->bias[odd]};
        mcucc_dot(&sums, x, even_weights, odd_weights, inputs);
        out[even] = mcucc_finish(sums.even, params->multiplier[even], params->shift[even],
                                 params->output_zero_point, params->lo, params->hi, rounding);
        out[odd] = mcucc_finish(sums.odd, params->multiplier[odd], params->shift[odd],
                                params->output_zero_point, params->lo, params->hi, rounding);
    }
}

void mcucc_fully_connected(const mcucc_fully_connected_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows[0], out, MCUCC_ROUND_SINGLE);
}

void mcucc_fully_connected_double(const mcucc_fully_connected_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows[0], out, MCUCC_ROUND_DOUBLE);
}

void mcucc_fully_connected_short(const mcucc_fully_connected_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows[0], out, MCUCC_ROUND_SHORT);
}
