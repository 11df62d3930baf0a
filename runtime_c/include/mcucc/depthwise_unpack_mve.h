/* A block's stream of mcucc/depthwise_mve.h made of packed weights, once a tile.
 *
 * Packed, a block of 16 channels is
 *   its entries (mcucc/finish_mve.h), all first words, all second ones, ..: 16 each
 *   its weights channel by channel, row by row, a 0 behind those of each channel: 16 bytes hold 32
 *   of 4 bits or 64 of 2, as mcucc/matrix_packed_mve.h has them
 * The last block has 16 channels as well, the missing ones 0.
 */
#ifndef MCUCC_DEPTHWISE_UNPACK_MVE_H
#define MCUCC_DEPTHWISE_UNPACK_MVE_H

#include "mcucc/depthwise_mve.h"

/* What a block's stream is made of, and where. */
typedef struct {
    int32_t gathers;
    int32_t entry_words;
    int32_t bits;
    int32_t fields;       /* of a channel: its taps and a 0 */
    const int8_t *places; /* [16 * gathers]: which of them each byte of the gathers is */
    int8_t *weights;      /* room for those of 16 channels, in whole packed vectors */
    uint32_t *stream;     /* room for that of 16 channels */
} mcucc_depthwise_packed;

/* Make the stream of a block; returns the next one's constants. */
const uint32_t *mcucc_depthwise_unpack_mve(const mcucc_depthwise_packed *packed,
                                           const uint32_t *block);

#endif
