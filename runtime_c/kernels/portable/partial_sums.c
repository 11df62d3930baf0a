#include "mcucc/partial_sums.h"

#include <string.h>

#include "mcucc/dot.h"

/* All output channels of a pixel, or of two (the second one `inputs` bytes and `outputs` sums on),
 * two channels at a time. */
MCUCC_INLINE void all_channels(const mcucc_partial_sums_params *params, const int8_t *x,
                               int32_t *sums, int32_t two)
{
    const int32_t inputs = params->input_channels;
    const int32_t outputs = params->output_channels;
    const int8_t *weights = params->weights;

    for (int32_t channel = 0; channel < outputs; channel += 2) {
        const int32_t pair = channel + 1 < outputs;
        const int8_t *const odd = pair ? weights + inputs : weights;
        mcucc_sums p = {0, 0};
        mcucc_sums q = {0, 0};

        if (two) {
            mcucc_dot_pair(&p, &q, x, inputs, weights, odd, inputs);
            sums[outputs + channel] += q.even;
        } else {
            mcucc_dot(&p, x, weights, odd, inputs);
        }
        sums[channel] += p.even;
        if (pair) {
            sums[channel + 1] += p.odd;
            if (two) {
                sums[outputs + channel + 1] += q.odd;
            }
        }
        weights += 2 * inputs;
    }
}

MCUCC_CODE void mcucc_partial_sums(const mcucc_partial_sums_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    const int32_t columns = span->end - span->begin;
    const int8_t *x = rows[0];
    int32_t *sums = (int32_t *)(void *)out;

    if (params->first) {
        memset(out, 0, (size_t)(columns * params->output_channels) * sizeof *sums);
    }
    for (int32_t left = columns; left > 0; left -= 2) {
        if (left > 1) {
            all_channels(params, x, sums, 1);
        } else {
            all_channels(params, x, sums, 0);
        }
        x += 2 * params->input_channels;
        sums += 2 * params->output_channels;
    }
}
