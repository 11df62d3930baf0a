/* What a group of input channels adds to int32 sums on Armv7E-M: mcucc/partial_sums.h by SMLAD.
 *
 * The stream is that of mcucc/matrix_armv7em.h without bias and requantization: for two output
 * channels, chunks times: 4 weights, 4 weights. span->scratch holds 16 * chunks bytes.
 */
#ifndef MCUCC_PARTIAL_SUMS_ARMV7EM_H
#define MCUCC_PARTIAL_SUMS_ARMV7EM_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t input_channels; /* of the group */
    int32_t output_channels;
    int32_t first;          /* whether the sums begin here */
    int32_t chunks;         /* of 4 inputs, rounded up */
    int32_t wide;           /* whether weights are pairs of int16 */
    const uint32_t *stream; /* [pairs of output channels] */
} mcucc_partial_sums_armv7em_params;

/* int4 and int2: packed weights (mcucc/matrix_packed_armv7em.h), not wide, for 2 bits of even
 * chunks. */
#define MCUCC_PARTIAL_SUMS_ARMV7EM(name)                                                  \
    void name(const mcucc_partial_sums_armv7em_params *params, const int8_t *const *rows, \
              int8_t *out, const mcucc_span *span);

MCUCC_PARTIAL_SUMS_ARMV7EM(mcucc_partial_sums_armv7em)
MCUCC_PARTIAL_SUMS_ARMV7EM(mcucc_partial_sums_armv7em_int4)
MCUCC_PARTIAL_SUMS_ARMV7EM(mcucc_partial_sums_armv7em_int2)

#endif
