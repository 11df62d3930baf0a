#include "mcucc/concat.h"

#include <string.h>

#include "mcucc/bytes.h"

MCUCC_CODE void mcucc_concat(const mcucc_concat_params *params, const int8_t *const *rows,
                             int8_t *out, const mcucc_span *span)
{
    const int32_t repeats = params->repeats ? params->repeats : span->end - span->begin;
    const int8_t *table = params->tables;
    int32_t stride = 0; /* bytes of output a repeat */
    for (int32_t input = 0; input < params->inputs; ++input) {
        stride += params->chunks[input];
    }
    for (int32_t input = 0; input < params->inputs; ++input) {
        const int32_t chunk = params->chunks[input];
        const int8_t *x = rows[input];
        for (int32_t repeat = 0; repeat < repeats; ++repeat) {
            int8_t *y = out + repeat * stride;
            if (table == NULL) {
                memcpy(y, x, (size_t)chunk);
            } else {
                mcucc_map_bytes(table, y, x, chunk);
            }
            x += chunk;
        }
        out += chunk;
        table = table == NULL ? NULL : table + 256;
    }
}
