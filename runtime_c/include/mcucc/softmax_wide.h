/* Softmax over the int16 channels of each pixel, as LiteRT computes it: exponentials and the
 * reciprocal of their sum from tables of 513 entries, with lines between them.
 *
 *     e = exponential(q - largest), differences first multiplied by multiplier * 2^-shift, rounded
 *         twice: 65535 of its units are 10
 *     y = e * reciprocal(sum e), in units of 2^-15
 *
 * ROW kernel. rows[0] is the pixel of column span->begin, `out` that of the output, which may be
 * the input. At most 65536 channels.
 */
#ifndef MCUCC_SOFTMAX_WIDE_H
#define MCUCC_SOFTMAX_WIDE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t multiplier;
    int32_t shift;
    const int16_t *exponential; /* [513], exp over [-10, 0] */
    const int16_t *reciprocal;  /* [513], 1 / (1 + x) over [0, 1] */
} mcucc_softmax_wide_params;

void mcucc_softmax_s16_s16(const mcucc_softmax_wide_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span);

#endif
