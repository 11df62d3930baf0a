/* Constant: a tensor that lies in flash.
 *
 * ROW kernel. rows[0] is not read; `out` is the output pixel of column span->begin.
 */
#ifndef MCUCC_CONSTANT_H
#define MCUCC_CONSTANT_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t width;
    int32_t channels;
    const int8_t *values; /* all rows, one after the other */
} mcucc_constant_params;

void mcucc_constant(const mcucc_constant_params *params, const int8_t *const *rows, int8_t *out,
                    const mcucc_span *span);

#endif
