#include "mcucc/softmax_double.h"

#include "mcucc/gemmlowp.h"
#include "mcucc/requantize.h"

#define SUM_INTEGER_BITS 12
#define OUTPUT_BITS 8

/* 2^31 / (1 + fraction / 2^31), from Newton's iteration with two integer bits. */
MCUCC_CODE static int32_t reciprocal_of_one_plus(int32_t fraction)
{
    const int32_t half_denominator = (int32_t)(((int64_t)fraction + INT32_MAX + 1) >> 1);
    int32_t x =
        1515870810 + mcucc_high_multiply(half_denominator, -1010580540); /* 48/17 - 32/17 d */
    for (int32_t step = 0; step < 3; ++step) {
        const int32_t error = ((int32_t)1 << 29) - mcucc_high_multiply(half_denominator, x);
        x += mcucc_saturating_shift_left(mcucc_high_multiply(x, error), 2);
    }
    return mcucc_saturating_shift_left(x, 1);
}

MCUCC_CODE static void softmax_pixel(const int32_t *table, const int8_t *x, int8_t *out,
                                     int32_t channels)
{
    const int32_t half = (int32_t)1 << (SUM_INTEGER_BITS - 1);
    int32_t largest = -128;
    uint32_t total = 0;
    int32_t zeros = 0;
    int32_t reciprocal;
    int32_t exponent;
    for (int32_t channel = 0; channel < channels; ++channel) {
        largest = x[channel] > largest ? x[channel] : largest;
    }
    for (int32_t channel = 0; channel < channels; ++channel) {
        total += (uint32_t)(((int64_t)table[largest - x[channel]] + half) >> SUM_INTEGER_BITS);
    }
    while ((total & 0x80000000u) == 0) { /* never 0: the largest element counts as 1 */
        total <<= 1;
        ++zeros;
    }
    reciprocal = reciprocal_of_one_plus((int32_t)(total & 0x7fffffffu));
    exponent = SUM_INTEGER_BITS - zeros + 31 - OUTPUT_BITS;
    for (int32_t channel = 0; channel < channels; ++channel) {
        const int64_t share = mcucc_high_multiply(reciprocal, table[largest - x[channel]]);
        const int64_t rounded = (share + (((int64_t)1 << exponent) >> 1)) >> exponent;
        out[channel] = (int8_t)mcucc_clamp((int32_t)rounded - 128, -128, 127);
    }
}

MCUCC_CODE void mcucc_softmax_double(const mcucc_softmax_double_params *params,
                                     const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    const int32_t channels = params->channels;
    const int8_t *x = rows[0];
    for (int32_t column = span->begin; column < span->end; ++column) {
        softmax_pixel(params->table, x, out, channels);
        x += channels;
        out += channels;
    }
}
