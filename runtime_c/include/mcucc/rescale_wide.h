/* Rescale: y = clamp(round((x - input_zero_point) * M) + output_zero_point), M = multiplier *
 * 2^-shift: the border between tensors of int8 and int16, and between scales of int16.
 *
 * ROW kernel: rows[0] is the pixel of column span->begin; `out` that of the output, which may be
 * the input's where both are int16.
 */
#ifndef MCUCC_RESCALE_WIDE_H
#define MCUCC_RESCALE_WIDE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    int32_t input_zero_point;
    int32_t multiplier;
    int32_t shift;
    int32_t output_zero_point;
    int32_t lo;
    int32_t hi;
} mcucc_rescale_wide_params;

void mcucc_rescale_s8_s16(const mcucc_rescale_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

void mcucc_rescale_s16_s8(const mcucc_rescale_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

void mcucc_rescale_s16_s16(const mcucc_rescale_wide_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span);

/* With the rounding of the LiteRT reference kernels. */
void mcucc_rescale_s8_s16_double(const mcucc_rescale_wide_params *params, const int8_t *const *rows,
                                 int8_t *out, const mcucc_span *span);

void mcucc_rescale_s16_s8_double(const mcucc_rescale_wide_params *params, const int8_t *const *rows,
                                 int8_t *out, const mcucc_span *span);

void mcucc_rescale_s16_s16_double(const mcucc_rescale_wide_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
