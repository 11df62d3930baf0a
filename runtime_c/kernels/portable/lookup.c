#include "mcucc/lookup.h"

#include "mcucc/bytes.h"

MCUCC_CODE void mcucc_lookup(const mcucc_lookup_params *params, const int8_t *const *rows,
                             int8_t *out, const mcucc_span *span)
{
    mcucc_map_bytes(params->table, out, rows[0], (span->end - span->begin) * params->channels);
}
