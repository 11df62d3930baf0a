/* Div: a tensor by another, element by element.
 *
 * ROW kernel. rows[0] and rows[1] are the pixels of column span->begin of both, `out` that of the
 * output, which may be either of them.
 */
#ifndef MCUCC_DIV_H
#define MCUCC_DIV_H

#include "mcucc/mcucc.h"

#define MCUCC_DIV_SHIFT 14

typedef struct {
    int32_t channels;
    const int32_t *factors; /* [256] 2^14 over each divisor, in units of the output */
    int32_t zero_point;     /* of the dividend */
    int32_t output_zero_point;
} mcucc_div_params;

void mcucc_div(const mcucc_div_params *params, const int8_t *const *rows, int8_t *out,
               const mcucc_span *span);

#endif
