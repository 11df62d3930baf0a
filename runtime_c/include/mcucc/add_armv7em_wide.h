/* Add and Sub on Armv7E-M with int16 among inputs and output (mcucc/add_armv7em.h):
 * _<a>_<b>_<output>.
 */
#ifndef MCUCC_ADD_ARMV7EM_WIDE_H
#define MCUCC_ADD_ARMV7EM_WIDE_H

#include "mcucc/add_armv7em.h"

typedef mcucc_add_armv7em_params mcucc_add_armv7em_wide_params; /* the same fields */

#define MCUCC_ADD_ARMV7EM_WIDE(types)                                           \
    void mcucc_add_armv7em_##types(const mcucc_add_armv7em_wide_params *params, \
                                   const int8_t *const *rows, int8_t *out,      \
                                   const mcucc_span *span);

MCUCC_ADD_ARMV7EM_WIDE(s8_s8_s16)
MCUCC_ADD_ARMV7EM_WIDE(s8_s16_s8)
MCUCC_ADD_ARMV7EM_WIDE(s8_s16_s16)
MCUCC_ADD_ARMV7EM_WIDE(s16_s8_s8)
MCUCC_ADD_ARMV7EM_WIDE(s16_s8_s16)
MCUCC_ADD_ARMV7EM_WIDE(s16_s16_s8)
MCUCC_ADD_ARMV7EM_WIDE(s16_s16_s16)

#endif
