/* Add and Sub of int16 whose scales are powers of two, as LiteRT computes them: the finer operand
 * is shifted right, half away from zero, to the scale of the other one and of the output.
 *
 *     y = clamp(a * 2^-shift_a + sign_b * b * 2^-shift_b)
 *
 * ROW kernel. rows[0] and rows[1] are the pixels of column span->begin of a and b, `out` that of
 * the output, which may be either input.
 */
#ifndef MCUCC_ADD_SHIFT_WIDE_H
#define MCUCC_ADD_SHIFT_WIDE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t shift_a;
    int32_t shift_b;
    int32_t sign_b; /* 1 or -1 */
    int32_t lo;     /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_add_shift_wide_params;

void mcucc_add_shift_s16_s16_s16(const mcucc_add_shift_wide_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
