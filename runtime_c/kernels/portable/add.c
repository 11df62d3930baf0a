#include "mcucc/add.h"

#include "mcucc/requantize.h"

MCUCC_CODE void mcucc_add(const mcucc_add_params *params, const int8_t *const *rows, int8_t *out,
                          const mcucc_span *span)
{
    const mcucc_add_params p = *params;
    const int8_t *a = rows[0];
    const int8_t *b = rows[1];
    const int8_t *const end = out + (span->end - span->begin) * p.channels;

    while (out < end) {
        const int32_t sum = *a++ * p.multiplier_a + *b++ * p.multiplier_b + p.bias;
        *out++ = (int8_t)mcucc_clamp((sum >> p.shift) + p.output_zero_point, p.lo, p.hi);
    }
}
