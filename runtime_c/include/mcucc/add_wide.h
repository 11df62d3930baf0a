/* Add and Sub with int16 among inputs and output (mcucc/add.h): _<a>_<b>_<output>.
 */
#ifndef MCUCC_ADD_WIDE_H
#define MCUCC_ADD_WIDE_H

#include "mcucc/add.h"

typedef mcucc_add_params mcucc_add_wide_params; /* the same fields */

void mcucc_add_s8_s8_s16(const mcucc_add_wide_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span);

void mcucc_add_s8_s16_s8(const mcucc_add_wide_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span);

void mcucc_add_s8_s16_s16(const mcucc_add_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

void mcucc_add_s16_s8_s8(const mcucc_add_wide_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span);

void mcucc_add_s16_s8_s16(const mcucc_add_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

void mcucc_add_s16_s16_s8(const mcucc_add_wide_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span);

void mcucc_add_s16_s16_s16(const mcucc_add_wide_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span);

#endif
