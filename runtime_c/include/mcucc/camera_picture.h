/* CameraPicture: rows of a camera's own bytes, unpacked, cropped, averaged over areas, in the
 * colours of the network.
 *
 * ROW kernels, one a format; rgb888 is also bgr888, yuv422 also uyvy, gray also the brightness of
 * both. rows[0] to rows[n - 1] are the rows of bytes that output row span->row reads from, and may
 * be NULL behind those it needs; they point at the group of pixels span->input_column, `out` at the
 * pixel of column span->begin. A group is the pixels that share bytes: two in YUV 4:2:2, else one.
 */
#ifndef MCUCC_CAMERA_PICTURE_H
#define MCUCC_CAMERA_PICTURE_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t row_step; /* output row r begins at r * row_step / row_unit rows of the crop */
    int32_t row_unit;
    int32_t column_step;
    int32_t column_unit;
    int32_t first_column; /* of the crop, in pixels of the camera */
    int32_t group_pixels;
    int32_t pixel_bytes;
    int32_t first_luma;  /* the byte of a group that holds its first Y: 0, 1 (uyvy) */
    int32_t channels;    /* of the output: 3, or 1 (gray) */
    int32_t blue_first;  /* exchange the first and the third colour */
    uint32_t units;      /* row_step * column_step: what a sum is divided by, */
    uint32_t multiplier; /* as sum * multiplier >> shift; 0: by a division */
    uint32_t shift;
    const int32_t *yuv;  /* Y of black, and in 2^-16 the gain of Y, V in red, U and V less in
                            green, U in blue; NULL: no YUV */
    const int8_t *table; /* [channels][256], the value of a byte; NULL: byte - 128 */
} mcucc_camera_picture_params;

void mcucc_camera_picture_rgb888(const mcucc_camera_picture_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span);

/* Of 16 bits, low byte first. */
void mcucc_camera_picture_rgb565(const mcucc_camera_picture_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span);

/* Of 16 bits, high byte first. */
void mcucc_camera_picture_rgb565be(const mcucc_camera_picture_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_camera_picture_yuv422(const mcucc_camera_picture_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span);

void mcucc_camera_picture_gray(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span);

#endif
