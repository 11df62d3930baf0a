/* Conv2d of which the input, the output or both are int16 (mcucc/conv2d.h): _<input>_<output>.
 *
 * Sums fit int32: the compiler checks it. Rows of padding hold input_zero_point in the input's type.
 * _short as in mcucc/conv2d.h.
 */
#ifndef MCUCC_CONV2D_WIDE_H
#define MCUCC_CONV2D_WIDE_H

#include "mcucc/conv2d.h"

typedef mcucc_conv2d_params mcucc_conv2d_wide_params; /* the same fields */

void mcucc_conv2d_s8_s16(const mcucc_conv2d_wide_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span);

void mcucc_conv2d_s8_s16_short(const mcucc_conv2d_wide_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span);

void mcucc_conv2d_s16_s8(const mcucc_conv2d_wide_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span);

void mcucc_conv2d_s16_s8_short(const mcucc_conv2d_wide_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span);

void mcucc_conv2d_s16_s16(const mcucc_conv2d_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

void mcucc_conv2d_s16_s16_short(const mcucc_conv2d_wide_params *params, const int8_t *const *rows,
                                int8_t *out, const mcucc_span *span);

/* With the rounding of the LiteRT reference kernels. */
void mcucc_conv2d_s16_s16_double(const mcucc_conv2d_wide_params *params, const int8_t *const *rows,
                                 int8_t *out, const mcucc_span *span);

#endif
