#include "mcucc/softmax.h"

MCUCC_CODE static void softmax_pixel(const uint32_t *table, const int8_t *x, int8_t *out,
                                     int32_t channels)
{
    int32_t largest = -128;
    uint32_t total = 0;
    for (int32_t channel = 0; channel < channels; ++channel) {
        largest = x[channel] > largest ? x[channel] : largest;
    }
    for (int32_t channel = 0; channel < channels; ++channel) {
        total += table[largest - x[channel]];
    }
    for (int32_t channel = 0; channel < channels; ++channel) {
        const uint32_t share = (256u * table[largest - x[channel]] + total / 2u) / total;
        out[channel] = (int8_t)(share < 255u ? (int32_t)share - 128 : 127);
    }
}

MCUCC_CODE void mcucc_softmax(const mcucc_softmax_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span)
{
    const int32_t channels = params->channels;
    const int8_t *x = rows[0];
    for (int32_t column = span->begin; column < span->end; ++column) {
        softmax_pixel(params->table, x, out, channels);
        x += channels;
        out += channels;
    }
}
