/* MaxPool on Armv7E-M: y = clamp(max x), four channels a comparison.
 *
 * ROW kernel as mcucc/max_pool.h says, of 4 channels and more. One function for windows of any
 * size, and one each for those of 2x2, 3x3 and 5x5.
 */
#ifndef MCUCC_MAX_POOL_ARMV7EM_H
#define MCUCC_MAX_POOL_ARMV7EM_H

#include "mcucc/max_pool.h"

typedef mcucc_max_pool_params mcucc_max_pool_armv7em_params;

void mcucc_max_pool_armv7em(const mcucc_max_pool_armv7em_params *params, const int8_t *const *rows,
                            int8_t *out, const mcucc_span *span);
void mcucc_max_pool_armv7em_2_2(const mcucc_max_pool_armv7em_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span);
void mcucc_max_pool_armv7em_3_3(const mcucc_max_pool_armv7em_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span);
void mcucc_max_pool_armv7em_5_5(const mcucc_max_pool_armv7em_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
