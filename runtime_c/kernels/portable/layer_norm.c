#include "mcucc/layer_norm.h"

#include "mcucc/compiler.h"

#define NORMAL_BITS 10
#define POWER_BITS 16

/* 1 / sqrt(w) = factor * 2^-(31 + halved). */
typedef struct {
    int32_t factor; /* of 16 bits */
    int32_t halved;
} reciprocal_root;

/* The root of v rounded to nearest, for 2^30 <= v < 2^32: one bit after the other. */
static uint32_t rounded_root(uint32_t v)
{
    uint32_t root = 0;
    uint32_t rest = v;

    for (uint32_t bit = 1u << 30; bit != 0; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return rest > root ? root + 1 : root;
}

MCUCC_OUTLINE reciprocal_root root_of(uint64_t w)
{
    reciprocal_root made = {0, 0};

    while (w >= (uint64_t)1 << 32) {
        w >>= 2;
        ++made.halved;
    }
    while (w < (uint64_t)1 << 30) {
        w <<= 2;
        --made.halved;
    }
    const uint32_t root = rounded_root((uint32_t)w);
    made.factor = (int32_t)((0x80000000u + (root >> 1)) / root);
    return made;
}

void mcucc_layer_norm(const mcucc_layer_norm_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span)
{
    const mcucc_layer_norm_params p = *params;
    const int8_t *x = rows[0];

    for (int32_t column = span->begin; column < span->end; ++column) {
        int32_t total = 0;
        uint32_t squares = 0;

        for (int32_t c = 0; c < p.channels; ++c) {
            const int32_t q = x[c] - p.zero_point;

            total += q;
            squares += (uint32_t)(q * q);
        }
        total = p.centered ? total : 0;
        const uint64_t power =
            (uint64_t)squares * (uint32_t)p.channels - (uint64_t)((int64_t)total * total);
        const uint64_t epsilon =
            ((uint64_t)(uint32_t)p.epsilon_high << 31) + (uint32_t)p.epsilon_low;
        const reciprocal_root root = root_of((power << POWER_BITS) + epsilon);
        /* Below 1 only where all of d is 0. */
        const int32_t shift = 31 - NORMAL_BITS - POWER_BITS / 2 + root.halved;
        const int32_t down = shift < 1 ? 1 : shift;
        const int64_t half = (int64_t)1 << (down - 1);

        for (int32_t c = 0; c < p.channels; ++c) {
            const int32_t d = p.channels * (x[c] - p.zero_point) - total;
            const int32_t normal = (int32_t)(((int64_t)d * root.factor + half) >> down);
            const int32_t y = (normal * p.factors[c] + p.offsets[c]) >> p.shift;

            out[c] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
        }
        x += p.channels;
        out += p.channels;
    }
}
