/* ResizeBilinear with halves rounded up, as LiteRT's uint8 kernel has them.
 *
 * ROW kernel, called as mcucc_resize_bilinear. Units divide 1024.
 */
#ifndef MCUCC_RESIZE_BILINEAR_UP_H
#define MCUCC_RESIZE_BILINEAR_UP_H

#include "mcucc/resize_bilinear.h"

typedef struct {
    mcucc_resize_bilinear_params plain;
} mcucc_resize_bilinear_up_params;

void mcucc_resize_bilinear_up(const mcucc_resize_bilinear_up_params *params,
                              const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
