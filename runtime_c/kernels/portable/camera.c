#include "mcucc/camera.h"

#include <string.h>

MCUCC_CODE void mcucc_camera_offset(int8_t *data, int32_t count)
{
    int32_t i = 0;

    /* byte - 128 flips the top bit; four at a time, through memcpy so that nothing is assumed
     * about alignment. */
    for (; i + 4 <= count; i += 4) {
        uint32_t word;
        memcpy(&word, &data[i], sizeof word);
        word ^= UINT32_C(0x80808080);
        memcpy(&data[i], &word, sizeof word);
    }
    for (; i < count; i++) {
        data[i] = (int8_t)(((uint8_t)data[i]) - 128);
    }
}

MCUCC_CODE void mcucc_camera_table(int8_t *data, int32_t pixels, int32_t channels,
                                   const int8_t *table)
{
    for (int32_t pixel = 0; pixel < pixels; pixel++) {
        for (int32_t channel = 0; channel < channels; channel++) {
            *data = table[256 * channel + (uint8_t)*data];
            data++;
        }
    }
}

MCUCC_CODE void mcucc_camera_table_wide(int8_t *data, int32_t pixels, int32_t channels,
                                        const int16_t *table)
{
    int16_t *const values = (int16_t *)(void *)data;

    /* From the end: value i covers the bytes 2 i and 2 i + 1, which have been read by then. */
    int32_t i = pixels * channels;
    while (i > 0) {
        for (int32_t channel = channels - 1; channel >= 0; channel--) {
            i--;
            values[i] = table[256 * channel + (uint8_t)data[i]];
        }
    }
}

MCUCC_CODE int32_t mcucc_mapped_row(void *context, int32_t input, int32_t row, uint8_t *pixels)
{
    const mcucc_mapped_image *image = (const mcucc_mapped_image *)context + input;

    memcpy(pixels, image->pixels + (ptrdiff_t)row * image->row_bytes, (size_t)image->row_bytes);
    return 0;
}
