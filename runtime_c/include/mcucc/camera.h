/* How camera bytes become the int8 or int16 values a network reads, in place. */
#ifndef MCUCC_CAMERA_H
#define MCUCC_CAMERA_H

#include "mcucc/mcucc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Each byte becomes byte - 128. */
void mcucc_camera_offset(int8_t *data, int32_t count);

/* Each byte of channel c becomes table[256 * c + byte]. */
void mcucc_camera_table(int8_t *data, int32_t pixels, int32_t channels, const int8_t *table);

/* The same into int16, of twice the bytes: `data`, which is 2-aligned, begins with the camera's. */
void mcucc_camera_table_wide(int8_t *data, int32_t pixels, int32_t channels, const int16_t *table);

/* An image that lies in readable memory (flash, a frame buffer). */
typedef struct {
    const uint8_t *pixels;
    int32_t row_bytes;
} mcucc_mapped_image;

/* `read_row` of a camera whose context is an array of such images, one an input. */
int32_t mcucc_mapped_row(void *context, int32_t input, int32_t row, uint8_t *pixels);

#ifdef __cplusplus
}
#endif

#endif
