/* MaxPool on Helium: y = clamp(max x) over the taps of the window inside the input.
 *
 * ROW kernel as mcucc/max_pool.h says.
 */
#ifndef MCUCC_MAX_POOL_MVE_H
#define MCUCC_MAX_POOL_MVE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_w;
    int32_t dilation_w;
    int32_t pad_left;
    int32_t input_width; /* of the whole tensor, in pixels */
    int32_t channels;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_max_pool_mve_params;

void mcucc_max_pool_mve(const mcucc_max_pool_mve_params *params, const int8_t *const *rows,
                        int8_t *out, const mcucc_span *span);

#endif
