/* mcucc/depthwise_rows_armv7em.h with a channel's weights as bytes: pairs are made of them once a
 * block.
 */
#ifndef MCUCC_DEPTHWISE_ROWS_BYTES_ARMV7EM_H
#define MCUCC_DEPTHWISE_ROWS_BYTES_ARMV7EM_H

#include "mcucc/depthwise_rows_armv7em.h"

#define MCUCC_DEPTHWISE_ROWS_BYTES(kernel, stride)                \
    void mcucc_depthwise_rows_bytes_##kernel##_##stride##_high(   \
        const mcucc_depthwise_block *block);                      \
    void mcucc_depthwise_rows_bytes_##kernel##_##stride##_common( \
        const mcucc_depthwise_block *block);

MCUCC_DEPTHWISE_ROWS_BYTES(3, 1)
MCUCC_DEPTHWISE_ROWS_BYTES(3, 2)
MCUCC_DEPTHWISE_ROWS_BYTES(5, 1)
MCUCC_DEPTHWISE_ROWS_BYTES(5, 2)
MCUCC_DEPTHWISE_ROWS_BYTES(7, 1)
MCUCC_DEPTHWISE_ROWS_BYTES(7, 2)

#endif
