/* mcucc/depthwise_rows_armv7em.h with a channel's weights as bytes: pairs are made of them once a
 * block.
 */
#ifndef MCUCC_DEPTHWISE_ROWS_BYTES_ARMV7EM_H
#define MCUCC_DEPTHWISE_ROWS_BYTES_ARMV7EM_H

#include "mcucc/depthwise_rows_armv7em.h"

/* Words of a channel's constants with weights of 8, 4 or 2 bits. */
#define MCUCC_DEPTHWISE_BYTES_WORDS(kernel, bits) \
    (2 + (((kernel) * (kernel) - 1) * (bits) + 31) / 32)

#define MCUCC_DEPTHWISE_ROWS_BYTES(kernel, stride, prefix)                  \
    void mcucc_depthwise_rows_bytes_##kernel##_##stride##_##prefix##high(   \
        const mcucc_depthwise_block *block);                                \
    void mcucc_depthwise_rows_bytes_##kernel##_##stride##_##prefix##common( \
        const mcucc_depthwise_block *block);
#define MCUCC_DEPTHWISE_ROWS_STORAGE(prefix) \
    MCUCC_DEPTHWISE_ROWS_BYTES(3, 1, prefix) \
    MCUCC_DEPTHWISE_ROWS_BYTES(3, 2, prefix) \
    MCUCC_DEPTHWISE_ROWS_BYTES(5, 1, prefix) \
    MCUCC_DEPTHWISE_ROWS_BYTES(5, 2, prefix) \
    MCUCC_DEPTHWISE_ROWS_BYTES(7, 1, prefix) \
    MCUCC_DEPTHWISE_ROWS_BYTES(7, 2, prefix)

MCUCC_DEPTHWISE_ROWS_STORAGE()
MCUCC_DEPTHWISE_ROWS_STORAGE(int4_)
MCUCC_DEPTHWISE_ROWS_STORAGE(int2_)

#endif
