/* Permute: another order of any number of axes.
 *
 * TENSOR kernel: rows[0] is the whole input, `out` the whole output, `span` is not read. The
 * strides are the input's, in bytes, along each axis of the output.
 */
#ifndef MCUCC_PERMUTE_H
#define MCUCC_PERMUTE_H

#include "mcucc/mcucc.h"

#define MCUCC_PERMUTE_AXES 9 /* at most: eight, and the bytes of a value */

typedef struct {
    int32_t axes;           /* at least 1 */
    const int32_t *sizes;   /* [axes], outermost first */
    const int32_t *strides; /* [axes] */
} mcucc_permute_params;

void mcucc_permute(const mcucc_permute_params *params, const int8_t *const *rows, int8_t *out,
                   const mcucc_span *span);

#endif
