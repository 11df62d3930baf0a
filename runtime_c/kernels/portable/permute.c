#include "mcucc/permute.h"

MCUCC_CODE void mcucc_permute(const mcucc_permute_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span)
{
    const mcucc_permute_params p = *params;
    const int32_t last = p.axes - 1;
    const int32_t count = p.sizes[last];
    const int32_t stride = p.strides[last];
    int32_t index[MCUCC_PERMUTE_AXES] = {0};
    const int8_t *x = rows[0];
    int32_t axis;

    (void)span;
    do {
        for (int32_t i = 0; i < count; ++i) {
            *out++ = x[i * stride];
        }
        /* On along the innermost axis that has not ended; those that have begin again. */
        for (axis = last - 1; axis >= 0; --axis) {
            x += p.strides[axis];
            if (++index[axis] < p.sizes[axis]) {
                break;
            }
            x -= p.strides[axis] * p.sizes[axis];
            index[axis] = 0;
        }
    } while (axis >= 0);
}
