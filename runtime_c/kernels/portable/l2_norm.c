#include "mcucc/l2_norm.h"

#include "mcucc/gemmlowp.h"
#include "mcucc/requantize.h"

#define SCALE_BITS 7

/* 1 / sqrt(sum) as multiplier * 2^(-31 - shift); the iteration has three integer bits. */
MCUCC_CODE static int32_t inverse_root(uint32_t sum, int32_t *shift)
{
    const int32_t half_three = 402653184; /* 3/2 */
    int32_t x = (int32_t)1 << 28;         /* 1 */
    int32_t exponent = 11;
    if (sum <= 1u) {
        *shift = 0;
        return INT32_MAX;
    }
    while (sum >= (uint32_t)1 << 29) {
        sum >>= 2;
        ++exponent;
    }
    while (sum < (uint32_t)1 << 27) {
        sum <<= 2;
        --exponent;
    }
    const int32_t half = (int32_t)(((sum >> 1) + 1u) >> 1);
    for (int32_t step = 0; step < 5; ++step) {
        const int32_t cube =
            mcucc_saturating_shift_left(mcucc_high_multiply(mcucc_high_multiply(x, x), x), 6);
        x = mcucc_saturating_shift_left(
            mcucc_high_multiply(half_three, x) - mcucc_high_multiply(half, cube), 3);
    }
    x = mcucc_high_multiply(x, 1518500250); /* sqrt(1/2) */
    if (exponent < 0) {
        x = (int32_t)((uint32_t)x << -exponent);
        exponent = 0;
    }
    *shift = exponent;
    return x;
}

MCUCC_CODE static void l2_norm_pixel(const mcucc_l2_norm_params *params, const int8_t *x,
                                     int8_t *out)
{
    int32_t shift = 0;
    int32_t multiplier;
    uint32_t sum = 0;
    for (int32_t channel = 0; channel < params->channels; ++channel) {
        const int32_t value = x[channel] - params->zero_point;
        sum += (uint32_t)(value * value);
    }
    multiplier = inverse_root(sum, &shift);
    shift += 31 - SCALE_BITS;
    for (int32_t channel = 0; channel < params->channels; ++channel) {
        const int32_t value = x[channel] - params->zero_point;
        out[channel] = (int8_t)mcucc_saturate8(mcucc_requantize_double(value, multiplier, shift));
    }
}

MCUCC_CODE void mcucc_l2_norm(const mcucc_l2_norm_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span)
{
    const int8_t *x = rows[0];
    for (int32_t column = span->begin; column < span->end; ++column) {
        l2_norm_pixel(params, x, out);
        x += params->channels;
        out += params->channels;
    }
}
