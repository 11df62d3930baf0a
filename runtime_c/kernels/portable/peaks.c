#include "mcucc/peaks.h"

#include <string.h>

#include "mcucc/detection.h"

#define NOTHING (-129) /* less than any byte */

/* The largest value of a channel so far. */
typedef struct {
    int32_t number; /* of its cell: row * width + column */
    int16_t value;
    int8_t x; /* its offset */
    int8_t y;
} peak;

MCUCC_CODE void mcucc_peaks_begin(const mcucc_peaks_params *params, int32_t *sums)
{
    const peak none = {0, NOTHING, 0, 0};
    peak *own = (peak *)sums;
    for (int32_t channel = 0; channel < params->channels; ++channel) {
        own[channel] = none;
    }
}

/* The first of the largest values of a channel in a piece of a row; -1: none is `least` or more. */
MCUCC_CODE static int32_t largest_column(const int8_t *x, int32_t channels, int32_t columns,
                                         int32_t least)
{
    int32_t best = -1;
    int32_t column = mcucc_bytes_below(x, channels, columns, least);
    while (column < columns) {
        best = column;
        least = x[column * channels] + 1;
        ++column;
        column += mcucc_bytes_below(x + column * channels, channels, columns - column, least);
    }
    return best;
}

MCUCC_CODE void mcucc_peaks_row(const mcucc_peaks_params *params, const int8_t *const *rows,
                                int32_t *sums, const mcucc_span *span)
{
    const mcucc_peaks_params *p = params;
    const int32_t columns = span->end - span->begin;
    const int32_t first = span->row * p->width + span->begin;
    peak *own = (peak *)sums;
    for (int32_t channel = 0; channel < p->channels; ++channel, ++own) {
        const int8_t *x = rows[0] + channel;
        const int32_t least = own->value + (first > own->number); /* of equals the first cell */
        const int32_t column = largest_column(x, p->channels, columns, least);
        if (column < 0) {
            continue;
        }
        own->number = first + column;
        own->value = x[column * p->channels];
        if (p->offsets) {
            const int8_t *offset = rows[1] + column * 2 * p->channels + channel;
            own->x = offset[p->offset_x];
            own->y = offset[p->offset_y];
        }
    }
}

MCUCC_CODE void mcucc_peaks_finish(const mcucc_peaks_params *params, const int32_t *sums,
                                   int8_t *out)
{
    const mcucc_peaks_params *p = params;
    const peak *own = (const peak *)sums;
    for (int32_t channel = 0; channel < p->channels; ++channel, ++own) {
        const int32_t row = own->number / p->width;
        const int32_t column = own->number - row * p->width;
        int64_t x = mcucc_place_base(p->bases[0] + column * p->stride_x, p->shift);
        int64_t y = mcucc_place_base(p->bases[1] + row * p->stride_y, p->shift);
        if (p->offsets) {
            x += (int64_t)p->gains[0] * mcucc_byte_function(p->place_table, p->place_zero, own->x);
            y += (int64_t)p->gains[1] * mcucc_byte_function(p->place_table, p->place_zero, own->y);
        }
        const mcucc_point point = {
            mcucc_place(x, p->shift),
            mcucc_place(y, p->shift),
            (uint16_t)mcucc_byte_score(p->score_table, (int8_t)own->value),
        };
        memcpy(out, &point, sizeof point);
        out += sizeof point;
    }
}
