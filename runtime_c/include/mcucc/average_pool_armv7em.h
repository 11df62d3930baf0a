/* AveragePool on Armv7E-M: channels are added in pairs of 16 bits.
 *
 * ROW kernels as mcucc/average_pool.h says, of 4 channels and more and 128 taps at most.
 */
#ifndef MCUCC_AVERAGE_POOL_ARMV7EM_H
#define MCUCC_AVERAGE_POOL_ARMV7EM_H

#include "mcucc/average_pool.h"

typedef mcucc_average_pool_params mcucc_average_pool_armv7em_params;

/* Sums are so many times those of mcucc/average_pool.h where the form is HIGH
 * (mcucc/finish_armv7em.h): its factors end below 1/2. */
#define MCUCC_POOL_SCALE 8

/* The form HIGH: M[n] = multiplier[n - 1] * 2^-32 / MCUCC_POOL_SCALE; `shift` is not read. */
void mcucc_average_pool_armv7em_high(const mcucc_average_pool_armv7em_params *params,
                                     const int8_t *const *rows, int8_t *out,
                                     const mcucc_span *span);

/* As mcucc_average_pool_double and mcucc_average_pool_divide. */
void mcucc_average_pool_armv7em_double(const mcucc_average_pool_armv7em_params *params,
                                       const int8_t *const *rows, int8_t *out,
                                       const mcucc_span *span);
void mcucc_average_pool_divide_armv7em(const mcucc_average_pool_armv7em_params *params,
                                       const int8_t *const *rows, int8_t *out,
                                       const mcucc_span *span);

#endif
