#include "mcucc/layer_norm_armv7em.h"

#include "mcucc/armv7em.h"

/* The values of a pixel and their squares. */
MCUCC_CODE static void add_values(const int8_t *x, int32_t channels, int32_t *sum, int32_t *squares)
{
    const uint32_t ones = mcucc_pair(1, 1);
    const int8_t *const end = x + channels;
    int32_t values = 0;
    int32_t products = 0;
    for (; x + 4 <= end; x += 4) {
        const uint32_t word = mcucc_load(x);
        const uint32_t even = mcucc_even_bytes(word);
        const uint32_t odd = mcucc_odd_bytes(word);
        values = mcucc_dot2(even, ones, values);
        values = mcucc_dot2(odd, ones, values);
        products = mcucc_dot2(even, even, products);
        products = mcucc_dot2(odd, odd, products);
    }
    for (; x < end; ++x) {
        values += *x;
        products += *x * *x;
    }
    *sum = values;
    *squares = products;
}

/* Of two channels the first and the second: n = q * factor + offset stands in the top half. */
MCUCC_INLINE int8_t even_channel(uint32_t n, uint32_t factors, int32_t offset, int32_t shift)
{
    return (int8_t)mcucc_saturate8(mcucc_mac_tb(n, factors, offset) >> shift);
}

MCUCC_INLINE int8_t odd_channel(uint32_t n, uint32_t factors, int32_t offset, int32_t shift)
{
    return (int8_t)mcucc_saturate8(mcucc_mac_tt(n, factors, offset) >> shift);
}

MCUCC_CODE static void normalize(const mcucc_layer_norm_params *p, mcucc_normal_factors f,
                                 const int8_t *x, int8_t *out)
{
    const int16_t *factors = p->factors;
    const int32_t *offsets = p->offsets;
    const int32_t shift = p->shift;
    const uint32_t factor = 2 * f.factor;
    const uint32_t offset = 0u - 2 * f.offset;
    int32_t left = p->count;

    for (; left >= 4; left -= 4) {
        const uint32_t word = mcucc_load(x);
        const uint32_t first = mcucc_load(factors);
        const uint32_t second = mcucc_load(factors + 2);
        const uint32_t a = (uint32_t)(int8_t)(uint8_t)word * factor + offset;
        const uint32_t b = (uint32_t)(int8_t)(uint8_t)(word >> 8) * factor + offset;
        const uint32_t c = (uint32_t)(int8_t)(uint8_t)(word >> 16) * factor + offset;
        const uint32_t d = (uint32_t)(int8_t)(uint8_t)(word >> 24) * factor + offset;
        out[0] = even_channel(a, first, offsets[0], shift);
        out[1] = odd_channel(b, first, offsets[1], shift);
        out[2] = even_channel(c, second, offsets[2], shift);
        out[3] = odd_channel(d, second, offsets[3], shift);
        factors += 4;
        offsets += 4;
        x += 4;
        out += 4;
    }
    for (; left > 0; --left) {
        *out++ = mcucc_normalized(f, *x++, *factors++, *offsets++, shift);
    }
}

MCUCC_CODE void mcucc_layer_norm_armv7em(const mcucc_layer_norm_armv7em_params *params,
                                         const int8_t *const *rows, int8_t *out,
                                         const mcucc_span *span)
{
    const mcucc_layer_norm_params *const p = params;
    const mcucc_normal normal = {
        p->count,    p->fraction,   p->epsilon,  p->epsilon_shift,
        p->centered, p->zero_point, p->exponent,
    };
    const int8_t *x = rows[0];

    for (int32_t column = span->begin; column < span->end; ++column) {
        int32_t sum;
        int32_t squares;
        add_values(x, p->count, &sum, &squares);
        normalize(p, mcucc_normal_of(&normal, sum, squares), x, out);
        x += p->count;
        out += p->count;
    }
}
