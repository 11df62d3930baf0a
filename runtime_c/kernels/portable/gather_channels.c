#include "mcucc/gather_channels.h"

#include <string.h>

#define LONG_RUN 8 /* bytes from which calling memcpy is worth it */

MCUCC_CODE void mcucc_gather_channels(const mcucc_gather_channels_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span)
{
    const int8_t *x = rows[0] + (span->begin - span->input_column) * params->input_channels;
    const int16_t *end = params->places + 2 * params->runs;
    for (int32_t column = span->begin; column < span->end; ++column) {
        for (const int16_t *place = params->places; place < end; place += 2) {
            const int8_t *from = x + place[0];
            int32_t left = place[1];
            if (left >= LONG_RUN) {
                memcpy(out, from, (size_t)left);
                out += left;
                continue;
            }
            do {
                *out++ = *from++;
            } while (--left > 0);
        }
        x += params->input_channels;
    }
}
