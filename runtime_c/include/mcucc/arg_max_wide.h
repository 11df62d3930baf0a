/* ArgMax (mcucc/arg_max.h) over more than 256 channels: the index itself, in int16.
 */
#ifndef MCUCC_ARG_MAX_WIDE_H
#define MCUCC_ARG_MAX_WIDE_H

#include "mcucc/arg_max.h"

typedef mcucc_arg_max_params mcucc_arg_max_wide_params; /* the same fields */

void mcucc_arg_max_s8_s16(const mcucc_arg_max_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

#endif
