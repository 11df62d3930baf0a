/* A block's stream of mcucc/depthwise_mve.h made of packed weights, once a tile.
 *
 * Packed, a block of 16 channels is
 *   its entries (mcucc/finish_mve.h), all first words, all second ones, ..: 16 each
 *   its weights tap by tap, row by row: a byte a channel has 2 taps of 4 bits or 4 of 2, the first
 *   in its lowest bits, as the high bits of the int8 weight
 * in words. The last block has 16 channels as well, the missing ones 0.
 */
#ifndef MCUCC_DEPTHWISE_UNPACK_MVE_H
#define MCUCC_DEPTHWISE_UNPACK_MVE_H

#include "mcucc/depthwise_mve.h"

/* What a block's stream is made of, and where. */
typedef struct {
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t gathers;
    int32_t entry_words;
    int32_t bits;
    uint32_t *stream; /* of 16 channels; bytes that no tap lies in stay as they are, 0 */
} mcucc_depthwise_packed;

/* Make the stream of a block; returns the next one's constants. */
const uint32_t *mcucc_depthwise_unpack_mve(const mcucc_depthwise_packed *packed,
                                           const uint32_t *block);

#endif
