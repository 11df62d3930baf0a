/* LayerNorm on Armv7E-M: sums by SMLAD, four channels a time (mcucc/layer_norm.h says what is
 * computed, and of what). Normal values are within int16, which the compiler proves.
 */
#ifndef MCUCC_LAYER_NORM_ARMV7EM_H
#define MCUCC_LAYER_NORM_ARMV7EM_H

#include "mcucc/layer_norm.h"

typedef mcucc_layer_norm_params mcucc_layer_norm_armv7em_params;

void mcucc_layer_norm_armv7em(const mcucc_layer_norm_armv7em_params *params,
                              const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
