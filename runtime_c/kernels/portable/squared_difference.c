#include "mcucc/squared_difference.h"

#include "mcucc/requantize.h"

MCUCC_CODE void mcucc_squared_difference(const mcucc_squared_difference_params *params,
                                         const int8_t *const *rows, int8_t *out,
                                         const mcucc_span *span)
{
    const mcucc_squared_difference_params p = *params;
    const int16_t *const zero_a = p.table_a + 128;
    const int16_t *const zero_b = p.table_b + 128;
    const int8_t *a = rows[0];
    const int8_t *b = rows[1];
    const int8_t *const end = out + (span->end - span->begin) * p.channels;

    while (out < end) {
        const int32_t difference = (int32_t)zero_a[*a++] - zero_b[*b++];
        *out++ = mcucc_finish(difference * difference, p.multiplier, p.shift, p.output_zero_point,
                              -128, 127, MCUCC_ROUND_DOUBLE);
    }
}
