/* Conv2d 1x1 without padding on Helium.
 *
 *     y[o] = clamp(round((bias[o] + sum x * w[o]) * M[o]) + output_zero_point)
 *
 * ROW kernel as mcucc/conv2d.h says. Tables as mcucc/matrix_mve.h says.
 */
#ifndef MCUCC_POINTWISE_MVE_H
#define MCUCC_POINTWISE_MVE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t stride_w;
    int32_t input_channels;
    int32_t output_channels;
    const int8_t *weights; /* [output_channels][input_channels] and 16 bytes */
    const int32_t *finish;
    int32_t input_zero_point; /* folded away; kept for reports */
    int32_t output_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_pointwise_mve_params;

/* One function a form of requantization (mcucc/finish_mve.h); int4 and int2: packed weights
 * (mcucc/matrix_packed_mve.h), unpacked to span->scratch. */
#define MCUCC_POINTWISE_MVE(form)                                             \
    void mcucc_pointwise_mve_##form(const mcucc_pointwise_mve_params *params, \
                                    const int8_t *const *rows, int8_t *out,   \
                                    const mcucc_span *span);

#define MCUCC_POINTWISE_MVE_FORMS(prefix) \
    MCUCC_POINTWISE_MVE(prefix##doubling) \
    MCUCC_POINTWISE_MVE(prefix##shift)    \
    MCUCC_POINTWISE_MVE(prefix##wide)     \
    MCUCC_POINTWISE_MVE(prefix##double)

MCUCC_POINTWISE_MVE_FORMS()
MCUCC_POINTWISE_MVE_FORMS(int4_)
MCUCC_POINTWISE_MVE_FORMS(int2_)

#endif
