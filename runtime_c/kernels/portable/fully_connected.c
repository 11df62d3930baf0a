#include "mcucc/fully_connected.h"

#include "mcucc/dot.h"
#include "mcucc/packed.h"

MCUCC_INLINE void fully_connected(const mcucc_fully_connected_params *params, const int8_t *x,
                                  int8_t *out, mcucc_rounding rounding)
{
    const int32_t inputs = params->inputs;
    const int32_t outputs = params->outputs;
    const int8_t *weights = (const int8_t *)params->weights;

    for (int32_t even = 0; even < outputs; even += 2) {
        /* An odd last output is paired with itself. */
        const int32_t odd = even + 1 < outputs ? even + 1 : even;
        const int8_t *even_weights = weights + even * inputs;
        const int8_t *odd_weights = weights + odd * inputs;
        mcucc_sums sums = {params->bias[even], params->bias[odd]};
        mcucc_dot(&sums, x, even_weights, odd_weights, inputs);
        out[even] = mcucc_finish(sums.even, params->multiplier[even], params->shift[even],
                                 params->output_zero_point, params->lo, params->hi, rounding);
        out[odd] = mcucc_finish(sums.odd, params->multiplier[odd], params->shift[odd],
                                params->output_zero_point, params->lo, params->hi, rounding);
    }
}

/* x[0..n) . weights, in steps of the weights. */
MCUCC_INLINE int32_t packed_dot(const int8_t *x, const uint8_t *weights, int32_t n, int32_t bits)
{
    const int32_t each = 8 / bits;
    int32_t sum = 0;
    for (; n >= each; n -= each) {
        const uint32_t byte = *weights++;
        MCUCC_UNROLL
        for (int32_t i = 0; i < each; ++i) {
            sum += x[i] * mcucc_packed_field(byte, i, bits);
        }
        x += each;
    }
    for (int32_t i = 0; i < n; ++i) {
        sum += x[i] * mcucc_packed_field(*weights, i, bits);
    }
    return sum;
}

MCUCC_INLINE void packed(const mcucc_fully_connected_params *params, const int8_t *x, int8_t *out,
                         int32_t bits, mcucc_rounding rounding)
{
    const int32_t inputs = params->inputs;
    const int32_t bytes = (inputs * bits + 7) / 8;
    const uint8_t *weights = (const uint8_t *)params->weights;
    for (int32_t output = 0; output < params->outputs; ++output) {
        const int32_t steps = packed_dot(x, weights, inputs, bits);
        const int32_t acc = params->bias[output] + steps * MCUCC_PACKED_STEP(bits);
        out[output] = mcucc_finish(acc, params->multiplier[output], params->shift[output],
                                   params->output_zero_point, params->lo, params->hi, rounding);
        weights += bytes;
    }
}

MCUCC_CODE void mcucc_fully_connected(const mcucc_fully_connected_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows[0], out, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_fully_connected_double(const mcucc_fully_connected_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows[0], out, MCUCC_ROUND_DOUBLE);
}

MCUCC_CODE void mcucc_fully_connected_short(const mcucc_fully_connected_params *params,
                                            const int8_t *const *rows, int8_t *out,
                                            const mcucc_span *span)
{
    (void)span;
    fully_connected(params, rows[0], out, MCUCC_ROUND_SHORT);
}

#define PACKED(name, bits, rounding)                                                         \
    MCUCC_CODE void mcucc_fully_connected_##name(const mcucc_fully_connected_params *params, \
                                                 const int8_t *const *rows, int8_t *out,     \
                                                 const mcucc_span *span)                     \
    {                                                                                        \
        (void)span;                                                                          \
        packed(params, rows[0], out, bits, rounding);                                        \
    }

PACKED(int4, 4, MCUCC_ROUND_SINGLE)
PACKED(int4_double, 4, MCUCC_ROUND_DOUBLE)
PACKED(int4_short, 4, MCUCC_ROUND_SHORT)
PACKED(int2, 2, MCUCC_ROUND_SINGLE)
PACKED(int2_double, 2, MCUCC_ROUND_DOUBLE)
PACKED(int2_short, 2, MCUCC_ROUND_SHORT)
