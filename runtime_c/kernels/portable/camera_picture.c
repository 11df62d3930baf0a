#include "mcucc/camera_picture.h"

#include "mcucc/requantize.h"

/* Brightness in 2^-16: ITU-R BT.601, as Pillow's mode L has it. */
#define LUMA_RED 19595u
#define LUMA_GREEN 38470u
#define LUMA_BLUE 7471u

/* A pixel's three components, or sums of them along a row: at most 257 bytes, so 16 bits each. */
typedef struct {
    uint32_t outer; /* the first, and in the upper half the third */
    uint32_t inner; /* the second, or the only one */
} lanes;

/* Sums over rows, and what becomes of them. */
typedef struct {
    uint32_t first;
    uint32_t second;
    uint32_t third;
} colour;

typedef enum { RED_GREEN_BLUE, YUV, GRAY } components;

/* The pixel of a column that counts from the group `row` points at. */
typedef lanes unpacking(const mcucc_camera_picture_params *params, const uint8_t *row,
                        int32_t column);

MCUCC_INLINE lanes unpack_rgb888(const mcucc_camera_picture_params *params, const uint8_t *row,
                                 int32_t column)
{
    const uint8_t *const x = row + 3 * column;
    const lanes found = {x[0] | (uint32_t)x[2] << 16, x[1]};
    (void)params;
    return found;
}

/* Five and six bits become eight by repeating the upper ones below. */
MCUCC_INLINE lanes expand_565(uint32_t word)
{
    const uint32_t outer = word >> 11 | (word & 31u) << 16;
    const uint32_t green = word >> 5 & 63u;
    const lanes found = {outer << 3 | (outer >> 2 & UINT32_C(0x00070007)), green << 2 | green >> 4};
    return found;
}

MCUCC_INLINE lanes unpack_rgb565(const mcucc_camera_picture_params *params, const uint8_t *row,
                                 int32_t column)
{
    const uint8_t *const x = row + 2 * column;
    (void)params;
    return expand_565(x[0] | (uint32_t)x[1] << 8);
}

MCUCC_INLINE lanes unpack_rgb565be(const mcucc_camera_picture_params *params, const uint8_t *row,
                                   int32_t column)
{
    const uint8_t *const x = row + 2 * column;
    (void)params;
    return expand_565(x[1] | (uint32_t)x[0] << 8);
}

MCUCC_INLINE lanes unpack_yuv422(const mcucc_camera_picture_params *params, const uint8_t *row,
                                 int32_t column)
{
    const uint8_t *const colours = row + 4 * (column / 2) + 1 - params->first_luma;
    const lanes found = {colours[0] | (uint32_t)colours[2] << 16,
                         row[2 * column + params->first_luma]};
    return found;
}

MCUCC_INLINE lanes unpack_gray(const mcucc_camera_picture_params *params, const uint8_t *row,
                               int32_t column)
{
    const lanes found = {0, row[params->pixel_bytes * column + params->first_luma]};
    return found;
}

/* Where outputs lie: `part` units into the row and the column they begin in. */
typedef struct {
    int32_t row_part;
    int32_t column;
    int32_t column_part;
} position;

/* The pixels of an output in one row, times their units. */
MCUCC_INLINE lanes sum_row(const mcucc_camera_picture_params *params, const uint8_t *row,
                           position at, unpacking *unpack)
{
    lanes sum = {0, 0};
    int32_t left = params->column_step;
    int32_t units = params->column_unit - at.column_part;

    do {
        const lanes pixel = unpack(params, row, at.column++);
        const uint32_t weight = (uint32_t)(units < left ? units : left);

        sum.outer += weight * pixel.outer;
        sum.inner += weight * pixel.inner;
        left -= units;
        units = params->column_unit;
    } while (left > 0);
    return sum;
}

MCUCC_INLINE colour sum_area(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                             position at, unpacking *unpack)
{
    colour sum = {0, 0, 0};
    int32_t left = params->row_step;
    int32_t units = params->row_unit - at.row_part;

    do {
        const lanes row = sum_row(params, (const uint8_t *)*rows++, at, unpack);
        const uint32_t weight = (uint32_t)(units < left ? units : left);

        sum.first += weight * (row.outer & 0xffffu);
        sum.second += weight * row.inner;
        sum.third += weight * (row.outer >> 16);
        left -= units;
        units = params->row_unit;
    } while (left > 0);
    return sum;
}

/* A sum over its units, halves up. */
MCUCC_INLINE uint32_t mean(const mcucc_camera_picture_params *params, uint32_t sum)
{
    sum += params->units / 2u;
    return params->multiplier != 0 ? sum * params->multiplier >> params->shift
                                   : sum / params->units;
}

MCUCC_INLINE colour red_green_blue(const int32_t *yuv, colour x)
{
    const int32_t base = ((int32_t)x.second - yuv[0]) * yuv[1] + (1 << 15);
    const int32_t u = (int32_t)x.first - 128;
    const int32_t v = (int32_t)x.third - 128;
    const colour found = {
        (uint32_t)mcucc_clamp((base + yuv[2] * v) >> 16, 0, 255),
        (uint32_t)mcucc_clamp((base - yuv[3] * u - yuv[4] * v) >> 16, 0, 255),
        (uint32_t)mcucc_clamp((base + yuv[5] * u) >> 16, 0, 255),
    };
    return found;
}

MCUCC_INLINE int8_t value_of(const mcucc_camera_picture_params *params, int32_t channel,
                             uint32_t byte)
{
    return params->table != NULL ? params->table[256 * channel + (int32_t)byte]
                                 : (int8_t)((int32_t)byte - 128);
}

/* One output from the sums of its area; where the next one goes. */
MCUCC_INLINE int8_t *store(const mcucc_camera_picture_params *params, colour sum, components kind,
                           int8_t *out)
{
    colour x = {0, mean(params, sum.second), 0};

    if (kind != GRAY) {
        x.first = mean(params, sum.first);
        x.third = mean(params, sum.third);
        if (kind == YUV) {
            x = red_green_blue(params->yuv, x);
        }
        if (params->blue_first) {
            const uint32_t first = x.first;
            x.first = x.third;
            x.third = first;
        }
        if (params->channels == 3) {
            *out++ = value_of(params, 0, x.first);
            *out++ = value_of(params, 1, x.second);
            *out++ = value_of(params, 2, x.third);
            return out;
        }
        x.second =
            (LUMA_RED * x.first + LUMA_GREEN * x.second + LUMA_BLUE * x.third + 0x8000u) >> 16;
    }
    *out++ = value_of(params, 0, x.second);
    return out;
}

/* Inlined into each format's function, so that the format is known in the innermost loop. */
MCUCC_INLINE void make_row(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span, components kind, unpacking *unpack)
{
    const mcucc_camera_picture_params p = *params; /* a copy, which no store of bytes can change */
    const int32_t start = span->begin * p.column_step;
    const int32_t columns = p.column_step / p.column_unit;
    const int32_t parts = p.column_step % p.column_unit;
    position at = {
        .row_part = span->row * p.row_step % p.row_unit,
        .column = p.first_column + start / p.column_unit - span->input_column * p.group_pixels,
        .column_part = start % p.column_unit,
    };

    for (int32_t column = span->begin; column < span->end; ++column) {
        out = store(&p, sum_area(&p, rows, at, unpack), kind, out);
        at.column += columns;
        at.column_part += parts;
        if (at.column_part >= p.column_unit) {
            at.column_part -= p.column_unit;
            ++at.column;
        }
    }
}

void mcucc_camera_picture_rgb888(const mcucc_camera_picture_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    make_row(params, rows, out, span, RED_GREEN_BLUE, unpack_rgb888);
}

void mcucc_camera_picture_rgb565(const mcucc_camera_picture_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    make_row(params, rows, out, span, RED_GREEN_BLUE, unpack_rgb565);
}

void mcucc_camera_picture_rgb565be(const mcucc_camera_picture_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    make_row(params, rows, out, span, RED_GREEN_BLUE, unpack_rgb565be);
}

void mcucc_camera_picture_yuv422(const mcucc_camera_picture_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    make_row(params, rows, out, span, YUV, unpack_yuv422);
}

void mcucc_camera_picture_gray(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span)
{
    make_row(params, rows, out, span, GRAY, unpack_gray);
}
