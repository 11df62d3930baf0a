/* How camera bytes become the int8 values a network reads, in place. */
#ifndef MCUCC_CAMERA_H
#define MCUCC_CAMERA_H

#include "mcucc/mcucc.h"

/* Each byte becomes byte - 128. */
void mcucc_camera_offset(int8_t *data, int32_t count);

/* Each byte of channel c becomes table[256 * c + byte]. */
void mcucc_camera_table(int8_t *data, int32_t pixels, int32_t channels, const int8_t *table);

#endif
