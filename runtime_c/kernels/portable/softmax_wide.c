#include "mcucc/softmax_wide.h"

#include "mcucc/wide.h"

/* A table over all of int16, 128 values between two entries. */
MCUCC_CODE static int32_t looked_up(const int16_t *table, int32_t value)
{
    const int16_t *const entry = table + 256 + (value >> 7);
    return entry[0] + ((((int32_t)entry[1] - entry[0]) * (value & 127) + 64) >> 7);
}

MCUCC_CODE static void softmax_pixel(const mcucc_softmax_wide_params *params, const int16_t *x,
                                     int16_t *out)
{
    int32_t largest = INT16_MIN;
    uint32_t total = 0;
    int32_t zeros = 0;

    for (int32_t channel = 0; channel < params->channels; ++channel) {
        largest = x[channel] > largest ? x[channel] : largest;
    }
    for (int32_t channel = 0; channel < params->channels; ++channel) {
        const int32_t below =
            mcucc_requantize_double(x[channel] - largest, params->multiplier, params->shift);
        const int32_t value = mcucc_clamp(below + INT16_MAX, INT16_MIN, INT16_MAX);
        out[channel] = (int16_t)looked_up(params->exponential, value);
        total += (uint16_t)out[channel];
    }
    while ((total & UINT32_C(0x80000000)) == 0) { /* never 0: the largest element counts as 1 */
        total <<= 1;
        ++zeros;
    }
    const int32_t mantissa = (int32_t)(((total >> 1) + (1 << 13)) >> 14); /* 2^16 to 2^17 */
    const int32_t fraction = mcucc_clamp(mantissa - (INT32_C(3) << 15), INT16_MIN, INT16_MAX);
    const int32_t reciprocal = looked_up(params->reciprocal, fraction);
    const int32_t shift = 31 - zeros;
    const int32_t half = (int32_t)1 << (shift - 1);
    for (int32_t channel = 0; channel < params->channels; ++channel) {
        const int32_t share = (out[channel] * reciprocal + half) >> shift;
        out[channel] = (int16_t)mcucc_clamp(share, 0, INT16_MAX);
    }
}

MCUCC_CODE void mcucc_softmax_s16_s16(const mcucc_softmax_wide_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span)
{
    const int16_t *x = (const int16_t *)(const void *)rows[0];
    int16_t *y = (int16_t *)(void *)out;
    for (int32_t column = span->begin; column < span->end; ++column) {
        softmax_pixel(params, x, y);
        x += params->channels;
        y += params->channels;
    }
}
