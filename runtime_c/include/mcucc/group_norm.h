/* GroupNorm over a picture and the channels of a group (mcucc/normalization.h).
 *
 * TENSOR kernel: rows[0] is the whole input, `out` the whole output, another buffer; `span`
 * is not read.
 */
#ifndef MCUCC_GROUP_NORM_H
#define MCUCC_GROUP_NORM_H

#include "mcucc/mcucc.h"
#include "mcucc/normalization.h"

typedef struct {
    int32_t count; /* of values of a group; these seven as in mcucc_normal */
    int32_t fraction;
    int32_t epsilon;
    int32_t epsilon_shift;
    int32_t centered;
    int32_t zero_point;
    int32_t exponent;
    int32_t pixels;
    int32_t groups;
    int32_t channels;
    const int16_t *factors; /* [channels] */
    const int32_t *offsets; /* [channels], with zero point and rounding */
    int32_t shift;
} mcucc_group_norm_params;

void mcucc_group_norm(const mcucc_group_norm_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span);

#endif
