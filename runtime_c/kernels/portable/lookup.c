#include "mcucc/lookup.h"

void mcucc_lookup(const mcucc_lookup_params *params, const int8_t *const *rows, int8_t *out,
                  const mcucc_span *span)
{
    const int8_t *const zero = params->table + 128;
    const int8_t *x = rows[0];
    const int8_t *const end = out + (span->end - span->begin) * params->channels;
    while (out < end) {
        *out++ = zero[*x++];
    }
}
