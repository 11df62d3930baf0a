/* Mul with int16 among inputs and output (mcucc/mul.h): _<a>_<b>_<output>. Products fit int32.
 */
#ifndef MCUCC_MUL_WIDE_H
#define MCUCC_MUL_WIDE_H

#include "mcucc/mul.h"

typedef mcucc_mul_params mcucc_mul_wide_params; /* the same fields */

void mcucc_mul_s8_s8_s16(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span);

void mcucc_mul_s8_s16_s8(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span);

void mcucc_mul_s8_s16_s16(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

void mcucc_mul_s16_s8_s8(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span);

void mcucc_mul_s16_s8_s16(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

void mcucc_mul_s16_s16_s8(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

void mcucc_mul_s16_s16_s16(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span);

/* With the rounding of the LiteRT reference kernels. */
void mcucc_mul_s16_s16_s16_double(const mcucc_mul_wide_params *params, const int8_t *const *rows,
                                  int8_t *out, const mcucc_span *span);

#endif
