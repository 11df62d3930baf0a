/* Attention by SMLAD: a head of a query is widened once, two keys a time; values two keys and four
 * channels a time (mcucc/attention.h says what is computed, and of what).
 *
 * span->scratch: 2 bytes for each of the query's depth in full fours, then as the portable kernel.
 */
#ifndef MCUCC_ATTENTION_ARMV7EM_H
#define MCUCC_ATTENTION_ARMV7EM_H

#include "mcucc/attention.h"

typedef mcucc_attention_params mcucc_attention_armv7em_params;

void mcucc_attention_armv7em(const mcucc_attention_armv7em_params *params,
                             const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
