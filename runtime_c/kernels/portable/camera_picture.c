#include "mcucc/camera_picture.h"

#include "mcucc/requantize.h"

/* Brightness in 2^-16: ITU-R BT.601, as Pillow's mode L has it. */
#define LUMA_RED 19595u
#define LUMA_GREEN 38470u
#define LUMA_BLUE 7471u

#define NARROW 257u /* up to so many units a sum of bytes has 16 bits */

/* A pixel's three components, or sums of them. */
typedef struct {
    uint32_t outer; /* the third, and in the upper half the first */
    uint32_t inner; /* the second, or the only one */
} lanes;

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
    const lanes found = {(uint32_t)x[0] << 16 | x[2], x[1]};
    (void)params;
    return found;
}

/* Five and six bits become eight by repeating the upper ones below. */
MCUCC_INLINE lanes expand_565(uint32_t word)
{
    const uint32_t outer = (word << 8 & UINT32_C(0x00f80000)) | (word << 3 & 0xf8u);
    const uint32_t green = word >> 3 & 0xfcu;
    const lanes found = {outer | (outer >> 5 & UINT32_C(0x00070007)), green | green >> 6};
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

/* Y is the inner component: it is the only one of gray, too. */
MCUCC_INLINE lanes unpack_yuv422(const mcucc_camera_picture_params *params, const uint8_t *row,
                                 int32_t column)
{
    const uint8_t *const colours = row + 4 * (column / 2) + 1 - params->first_luma;
    const lanes found = {(uint32_t)colours[0] << 16 | colours[2],
                         row[2 * column + params->first_luma]};
    return found;
}

MCUCC_INLINE lanes unpack_gray(const mcucc_camera_picture_params *params, const uint8_t *row,
                               int32_t column)
{
    const lanes found = {0, row[params->pixel_bytes * column + params->first_luma]};
    return found;
}

/* What outputs cover along an axis: `step` units, pixels having `unit`; the next one begins `part`
 * units into pixel `begin`. */
typedef struct {
    int32_t begin;
    int32_t part;
    int32_t step;
    int32_t unit;
} cover;

/* An output that begins `start` units into an axis whose first pixel counts as `first`. */
MCUCC_INLINE cover cover_from(int32_t first, int32_t start, int32_t step, int32_t unit)
{
    const cover found = {first + start / unit, start % unit, step, unit};
    return found;
}

MCUCC_INLINE int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* The pixels of one row, times units of the row and of their own; lanes hold the sums. */
MCUCC_INLINE lanes add_row(const mcucc_camera_picture_params *params, const uint8_t *row,
                           cover across, uint32_t weight, lanes sum, unpacking *unpack)
{
    const uint32_t whole = weight * (uint32_t)across.unit;
    int32_t column = across.begin;
    int32_t left = across.step - (across.unit - across.part);
    lanes pixel = unpack(params, row, column++);

    sum.outer += (whole - weight * (uint32_t)across.part) * pixel.outer;
    sum.inner += (whole - weight * (uint32_t)across.part) * pixel.inner;
    for (; left >= across.unit; left -= across.unit) {
        pixel = unpack(params, row, column++);
        sum.outer += whole * pixel.outer;
        sum.inner += whole * pixel.inner;
    }
    if (left > 0) {
        pixel = unpack(params, row, column);
        sum.outer += weight * (uint32_t)left * pixel.outer;
        sum.inner += weight * (uint32_t)left * pixel.inner;
    }
    return sum;
}

MCUCC_INLINE colour sum_narrow(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                               cover down, cover across, unpacking *unpack)
{
    lanes sum = {0, 0};
    int32_t weight = down.unit - down.part;

    for (int32_t left = down.step; left > 0; left -= weight, weight = least(left, down.unit)) {
        sum = add_row(params, (const uint8_t *)*rows++, across, (uint32_t)weight, sum, unpack);
    }
    const colour found = {sum.outer >> 16, sum.inner, sum.outer & 0xffffu};
    return found;
}

/* Of so many units that only those of one row fit into lanes. */
MCUCC_INLINE colour sum_wide(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                             cover down, cover across, unpacking *unpack)
{
    colour sum = {0, 0, 0};
    int32_t weight = down.unit - down.part;

    for (int32_t left = down.step; left > 0; left -= weight, weight = least(left, down.unit)) {
        const lanes none = {0, 0};
        const lanes row = add_row(params, (const uint8_t *)*rows++, across, 1, none, unpack);

        sum.first += (uint32_t)weight * (row.outer >> 16);
        sum.second += (uint32_t)weight * row.inner;
        sum.third += (uint32_t)weight * (row.outer & 0xffffu);
    }
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

/* Where the next output begins. */
MCUCC_INLINE void advance(cover *across)
{
    const int32_t end = across->part + across->step;
    int32_t whole = end / across->unit;

    across->begin += whole;
    across->part = end - whole * across->unit;
}

MCUCC_INLINE void make(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                       int8_t *out, const mcucc_span *span, components kind, unpacking *unpack,
                       int wide)
{
    const mcucc_camera_picture_params p = *params; /* a copy, which no store of bytes can change */
    const int32_t first = p.first_column - span->input_column * p.group_pixels;
    const cover down = cover_from(0, span->row * p.row_step, p.row_step, p.row_unit);
    cover across = cover_from(first, span->begin * p.column_step, p.column_step, p.column_unit);

    for (int32_t column = span->begin; column < span->end; ++column) {
        const colour sum = wide ? sum_wide(&p, rows, down, across, unpack)
                                : sum_narrow(&p, rows, down, across, unpack);

        out = store(&p, sum, kind, out);
        advance(&across);
    }
}

/* One copy for all formats. */
MCUCC_OUTLINE void make_wide(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                             int8_t *out, const mcucc_span *span, components kind,
                             unpacking *unpack)
{
    make(params, rows, out, span, kind, unpack, 1);
}

/* Inlined into each format's function, so that the format is known in the innermost loop. */
MCUCC_INLINE void make_row(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                           int8_t *out, const mcucc_span *span, components kind, unpacking *unpack)
{
    if (params->units > NARROW) {
        make_wide(params, rows, out, span, kind, unpack);
    } else {
        make(params, rows, out, span, kind, unpack, 0);
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
