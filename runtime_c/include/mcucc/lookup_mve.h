/* Lookup on Helium: y = table[x + 128], any function of one int8 value.
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input.
 */
#ifndef MCUCC_LOOKUP_MVE_H
#define MCUCC_LOOKUP_MVE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    const int8_t *table; /* [256], for the inputs -128 to 127 */
} mcucc_lookup_mve_params;

void mcucc_lookup_mve(const mcucc_lookup_mve_params *params, const int8_t *const *rows, int8_t *out,
                      const mcucc_span *span);

#endif
