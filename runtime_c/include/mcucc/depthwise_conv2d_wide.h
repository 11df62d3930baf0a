/* DepthwiseConv2d of which the input, the output or both are int16 (mcucc/depthwise_conv2d.h):
 * _<input>_<output>.
 *
 * Sums fit int32: the compiler checks it. Rows of padding hold input_zero_point in the input's type.
 * _short as in mcucc/depthwise_conv2d.h.
 */
#ifndef MCUCC_DEPTHWISE_CONV2D_WIDE_H
#define MCUCC_DEPTHWISE_CONV2D_WIDE_H

#include "mcucc/depthwise_conv2d.h"

typedef mcucc_depthwise_conv2d_params mcucc_depthwise_conv2d_wide_params; /* the same fields */

void mcucc_depthwise_conv2d_s8_s16(const mcucc_depthwise_conv2d_wide_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_depthwise_conv2d_s8_s16_short(const mcucc_depthwise_conv2d_wide_params *params,
                                         const int8_t *const *rows, int8_t *out,
                                         const mcucc_span *span);

void mcucc_depthwise_conv2d_s16_s8(const mcucc_depthwise_conv2d_wide_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_depthwise_conv2d_s16_s8_short(const mcucc_depthwise_conv2d_wide_params *params,
                                         const int8_t *const *rows, int8_t *out,
                                         const mcucc_span *span);

void mcucc_depthwise_conv2d_s16_s16(const mcucc_depthwise_conv2d_wide_params *params,
                                    const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_depthwise_conv2d_s16_s16_short(const mcucc_depthwise_conv2d_wide_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span);

#endif
