/* Pad of int16 (mcucc/pad.h).
 */
#ifndef MCUCC_PAD_WIDE_H
#define MCUCC_PAD_WIDE_H

#include "mcucc/pad.h"

typedef mcucc_pad_params mcucc_pad_wide_params; /* the same fields */

void mcucc_pad_s16_s16(const mcucc_pad_wide_params *params, const int8_t *const *rows, int8_t *out,
                       const mcucc_span *span);

#endif
