/* Conv2d on Helium whose border has biases of its own, those of all zones of a row in one call.
 *
 * Windows that leave the input at the same taps have the same biases: they are zones of the output,
 * runs of rows times runs of columns. What mcucc/conv2d_mve.h computes, from the same strip: it is
 * filled once for all zones of a row, and multiplied zone by zone.
 * ROW kernel as mcucc/conv2d_mve.h says; span->row is the output's row.
 */
#ifndef MCUCC_CONV2D_MVE_BORDER_H
#define MCUCC_CONV2D_MVE_BORDER_H

#include "mcucc/conv2d_mve.h"

typedef struct {
    mcucc_conv2d_mve_params layer; /* finish: [biases][output_channels] */
    const int16_t *row_ends;       /* where each zone of rows ends */
    const int16_t *column_ends;    /* [column_zones] */
    const int16_t *zones;          /* [zones of rows][column_zones]: which biases */
    int32_t column_zones;
} mcucc_conv2d_mve_border_params;

/* One function a form of requantization (mcucc/finish_mve.h); int4 and int2: packed weights
 * (mcucc/matrix_packed_mve.h), unpacked to span->scratch before the strip. */
#define MCUCC_CONV2D_MVE_BORDER(form)                                                 \
    void mcucc_conv2d_mve_border_##form(const mcucc_conv2d_mve_border_params *params, \
                                        const int8_t *const *rows, int8_t *out,       \
                                        const mcucc_span *span);

#define MCUCC_CONV2D_MVE_BORDER_FORMS(prefix) \
    MCUCC_CONV2D_MVE_BORDER(prefix##doubling) \
    MCUCC_CONV2D_MVE_BORDER(prefix##shift)    \
    MCUCC_CONV2D_MVE_BORDER(prefix##wide)     \
    MCUCC_CONV2D_MVE_BORDER(prefix##double)

MCUCC_CONV2D_MVE_BORDER_FORMS()
MCUCC_CONV2D_MVE_BORDER_FORMS(int4_)
MCUCC_CONV2D_MVE_BORDER_FORMS(int2_)

#endif
