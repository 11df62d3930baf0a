#include "mcucc/camera_picture.h"

#include "mcucc/requantize.h"

/* Brightness in 2^-16: ITU-R BT.601, as Pillow's mode L has it. */
#define LUMA_RED 19595u
#define LUMA_GREEN 38470u
#define LUMA_BLUE 7471u

#define NARROW 257u /* up to so many units a sum of bytes has 16 bits */

/* A pixel's three components, or sums of them. */
typedef struct {
    uint32_t outer; /* the first, and in the upper half the third */
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
    const lanes found = {(uint32_t)x[2] << 16 | x[0], x[1]};
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

/* Y is the inner component: it is the only one of gray, too. */
MCUCC_INLINE lanes unpack_yuv422(const mcucc_camera_picture_params *params, const uint8_t *row,
                                 int32_t column)
{
    const uint8_t *const colours = row + 4 * (column / 2) + 1 - params->first_luma;
    const lanes found = {(uint32_t)colours[2] << 16 | colours[0],
                         row[2 * column + params->first_luma]};
    return found;
}

MCUCC_INLINE lanes unpack_gray(const mcucc_camera_picture_params *params, const uint8_t *row,
                               int32_t column)
{
    const lanes found = {0, row[params->pixel_bytes * column + params->first_luma]};
    return found;
}

/* The rows of an output: all of them count `unit`, the first `before` less, the last `after`. */
typedef struct {
    int32_t count;
    uint32_t unit;
    uint32_t before;
    uint32_t after;
} cover;

/* Of the output `index` along an axis, `step` units where pixels have `unit`. */
MCUCC_INLINE cover cover_of(int32_t index, int32_t step, int32_t unit)
{
    const int32_t before = index * step % unit;
    const int32_t count = (before + step + unit - 1) / unit;
    const cover found = {count, (uint32_t)unit, (uint32_t)before,
                         (uint32_t)(count * unit - before - step)};
    return found;
}

/* A column of the camera over the rows of an output, times units; lanes hold what is left. */
MCUCC_INLINE lanes sum_column(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                              int32_t column, cover down, unpacking *unpack)
{
    const lanes first = unpack(params, (const uint8_t *)rows[0], column);
    lanes last = first;
    lanes sum = first;

    for (int32_t row = 1; row < down.count; ++row) {
        last = unpack(params, (const uint8_t *)rows[row], column);
        sum.outer += last.outer;
        sum.inner += last.inner;
    }
    if (down.unit == 1) {
        return sum;
    }
    sum.outer = down.unit * sum.outer - down.before * first.outer - down.after * last.outer;
    sum.inner = down.unit * sum.inner - down.before * first.inner - down.after * last.inner;
    return sum;
}

/* More of an output. Where it has few units the lanes stay together, in `first` and `second`. */
MCUCC_INLINE void add(colour *sum, lanes column, int32_t units, int wide)
{
    if (wide) {
        sum->first += (uint32_t)units * (column.outer & 0xffffu);
        sum->third += (uint32_t)units * (column.outer >> 16);
    } else {
        sum->first += (uint32_t)units * column.outer;
    }
    sum->second += (uint32_t)units * column.inner;
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
    const int32_t base = ((int32_t)x.second - yuv[0]) * yuv[1] + (INT32_C(1) << 15);
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

/* Columns of the camera from the first that the outputs of `span` read: each is unpacked once, also
 * where two outputs share it. */
MCUCC_INLINE void make(const mcucc_camera_picture_params *params, const int8_t *const *rows,
                       int8_t *out, const mcucc_span *span, components kind, unpacking *unpack,
                       int wide)
{
    const mcucc_camera_picture_params p = *params; /* a copy, which no store of bytes can change */
    const cover down = cover_of(span->row, p.row_step, p.row_unit);
    const int32_t start = span->begin * p.column_step;
    const int32_t origin = p.first_column - span->input_column * p.group_pixels;
    int32_t column = origin + start / p.column_unit;
    int32_t units = p.column_unit - start % p.column_unit; /* of this column, not yet counted */
    int32_t left = p.column_step;                          /* of this output */
    int32_t outputs = span->end - span->begin;
    colour sum = {0, 0, 0};

    while (outputs > 0) {
        const lanes pixels = sum_column(&p, rows, column++, down, unpack);

        if (units >= left) {
            add(&sum, pixels, left, wide);
            if (!wide) {
                sum.third = sum.first >> 16;
                sum.first &= 0xffffu;
            }
            out = store(&p, sum, kind, out);
            sum.first = sum.second = sum.third = 0;
            units -= left;
            left = p.column_step;
            --outputs;
        }
        add(&sum, pixels, units, wide);
        left -= units;
        units = p.column_unit;
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

MCUCC_CODE void mcucc_camera_picture_rgb888(const mcucc_camera_picture_params *params,
                                            const int8_t *const *rows, int8_t *out,
                                            const mcucc_span *span)
{
    make_row(params, rows, out, span, RED_GREEN_BLUE, unpack_rgb888);
}

MCUCC_CODE void mcucc_camera_picture_rgb565(const mcucc_camera_picture_params *params,
                                            const int8_t *const *rows, int8_t *out,
                                            const mcucc_span *span)
{
    make_row(params, rows, out, span, RED_GREEN_BLUE, unpack_rgb565);
}

MCUCC_CODE void mcucc_camera_picture_rgb565be(const mcucc_camera_picture_params *params,
                                              const int8_t *const *rows, int8_t *out,
                                              const mcucc_span *span)
{
    make_row(params, rows, out, span, RED_GREEN_BLUE, unpack_rgb565be);
}

MCUCC_CODE void mcucc_camera_picture_yuv422(const mcucc_camera_picture_params *params,
                                            const int8_t *const *rows, int8_t *out,
                                            const mcucc_span *span)
{
    make_row(params, rows, out, span, YUV, unpack_yuv422);
}

MCUCC_CODE void mcucc_camera_picture_gray(const mcucc_camera_picture_params *params,
                                          const int8_t *const *rows, int8_t *out,
                                          const mcucc_span *span)
{
    make_row(params, rows, out, span, GRAY, unpack_gray);
}
