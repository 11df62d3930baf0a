#include "mcucc/log_softmax.h"

#include "mcucc/requantize.h"

/* The logarithm of a sum: that of its power of two, and a line between two of the next 8 bits. */
MCUCC_CODE static int32_t log_of(const mcucc_log_softmax_params *params, uint32_t total)
{
    int32_t whole = 31;
    while ((total & 0x80000000u) == 0u) {
        total <<= 1;
        --whole;
    }
    const int32_t part = (int32_t)(total >> 15 & 0xFFFFu);
    const int32_t *const log = params->logs + (part >> 8);
    const int32_t line = (int32_t)((int64_t)(log[1] - log[0]) * (part & 255) >> 8);
    return whole * params->doubling + log[0] + line;
}

MCUCC_CODE static void log_softmax_pixel(const mcucc_log_softmax_params *params, const int8_t *x,
                                         int8_t *out)
{
    const int32_t channels = params->channels;
    int32_t largest = -128;
    uint32_t total = 0;
    for (int32_t channel = 0; channel < channels; ++channel) {
        largest = x[channel] > largest ? x[channel] : largest;
    }
    for (int32_t channel = 0; channel < channels; ++channel) {
        total += params->powers[largest - x[channel]];
    }
    const int32_t base = params->base - log_of(params, total);
    for (int32_t channel = 0; channel < channels; ++channel) {
        const int32_t y = (base - params->distances[largest - x[channel]]) >> params->fraction;
        out[channel] = (int8_t)mcucc_clamp(y, -128, 127);
    }
}

MCUCC_CODE void mcucc_log_softmax(const mcucc_log_softmax_params *params, const int8_t *const *rows,
                                  int8_t *out, const mcucc_span *span)
{
    const int8_t *x = rows[0];
    for (int32_t column = span->begin; column < span->end; ++column) {
        log_softmax_pixel(params, x, out);
        x += params->channels;
        out += params->channels;
    }
}
