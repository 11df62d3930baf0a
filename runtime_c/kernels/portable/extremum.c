#include "mcucc/extremum.h"

MCUCC_CODE void mcucc_extremum(const mcucc_extremum_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span)
{
    const int8_t *const tables = params->tables;
    const int8_t *a = rows[0];
    const int8_t *b = rows[1];
    const int8_t *const end = out + (span->end - span->begin) * params->channels;

    while (out < end) {
        int8_t x = *a++;
        int8_t y = *b++;
        if (tables != NULL) {
            x = tables[x + 128];
            y = tables[y + 256 + 128];
        }
        *out++ = (x > y) == (params->largest != 0) ? x : y;
    }
}
