#include "mcucc/global_average_pool_armv7em.h"

#include "mcucc/armv7em.h"
#include "mcucc/global_sums.h"

/* Pixels whose sum always fits 16 bits. */
#define MOST 256

MCUCC_CODE void
mcucc_global_average_pool_armv7em_begin(const mcucc_global_average_pool_armv7em_params *params,
                                        int32_t *sums)
{
    mcucc_global_sums_begin(params, sums);
}

/* Adds four channels of `count` pixels, MOST at most, which lie `channels` bytes apart. */
MCUCC_INLINE void add_four(const int8_t *x, int32_t count, int32_t channels, int32_t *sums)
{
    uint32_t even = 0;
    uint32_t odd = 0;
    for (; count >= 2; count -= 2) {
        const uint32_t first = mcucc_load(x);
        const uint32_t second = mcucc_load(x + channels);
        even = mcucc_add_even_bytes(mcucc_add_even_bytes(even, first), second);
        odd = mcucc_add_odd_bytes(mcucc_add_odd_bytes(odd, first), second);
        x += 2 * channels;
    }
    if (count > 0) {
        const uint32_t last = mcucc_load(x);
        even = mcucc_add_even_bytes(even, last);
        odd = mcucc_add_odd_bytes(odd, last);
    }
    sums[0] += mcucc_bottom(even);
    sums[1] += mcucc_bottom(odd);
    sums[2] += mcucc_top(even);
    sums[3] += mcucc_top(odd);
}

MCUCC_CODE static void add_pixels(const int8_t *x, int32_t count, int32_t channels, int32_t *sums)
{
    int32_t channel = 0;
    for (; channel + 4 <= channels; channel += 4) {
        add_four(x + channel, count, channels, sums + channel);
    }
    for (; channel < channels; ++channel) {
        int32_t sum = sums[channel];
        for (int32_t pixel = 0; pixel < count; ++pixel) {
            sum += x[pixel * channels + channel];
        }
        sums[channel] = sum;
    }
}

MCUCC_CODE void
mcucc_global_average_pool_armv7em_row(const mcucc_global_average_pool_armv7em_params *params,
                                      const int8_t *const *rows, int32_t *sums,
                                      const mcucc_span *span)
{
    const int8_t *x = rows[0];
    int32_t left = span->end - span->begin;
    for (; left > MOST; left -= MOST) {
        add_pixels(x, MOST, params->channels, sums);
        x += MOST * params->channels;
    }
    add_pixels(x, left, params->channels, sums);
}

MCUCC_CODE void
mcucc_global_average_pool_armv7em_finish(const mcucc_global_average_pool_armv7em_params *params,
                                         const int32_t *sums, int8_t *out)
{
    mcucc_global_sums_finish(params, sums, out);
}
