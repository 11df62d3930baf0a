/* FullyConnected of which the input, the output or both are int16 (mcucc/fully_connected.h):
 * _<input>_<output>.
 *
 * Sums fit int32: the compiler checks it. _short as in mcucc/fully_connected.h.
 */
#ifndef MCUCC_FULLY_CONNECTED_WIDE_H
#define MCUCC_FULLY_CONNECTED_WIDE_H

#include "mcucc/fully_connected.h"

typedef mcucc_fully_connected_params mcucc_fully_connected_wide_params; /* the same fields */

void mcucc_fully_connected_s8_s16(const mcucc_fully_connected_wide_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_fully_connected_s8_s16_short(const mcucc_fully_connected_wide_params *params,
                                        const int8_t *const *rows, int8_t *out,
                                        const mcucc_span *span);

void mcucc_fully_connected_s16_s8(const mcucc_fully_connected_wide_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_fully_connected_s16_s8_short(const mcucc_fully_connected_wide_params *params,
                                        const int8_t *const *rows, int8_t *out,
                                        const mcucc_span *span);

void mcucc_fully_connected_s16_s16(const mcucc_fully_connected_wide_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_fully_connected_s16_s16_short(const mcucc_fully_connected_wide_params *params,
                                         const int8_t *const *rows, int8_t *out,
                                         const mcucc_span *span);

#endif
