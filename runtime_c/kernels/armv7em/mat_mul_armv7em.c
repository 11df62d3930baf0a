#include "mcucc/mat_mul_armv7em.h"

#include "mcucc/head_products_armv7em.h"

typedef mcucc_mat_mul_armv7em_params parameters;

/* What the zero point of b takes off every output of a row of a. */
MCUCC_CODE static int32_t offset_of(const parameters *p, const int8_t *a)
{
    int32_t sum = -p->depth * p->zero_point_a;
    if (p->zero_point_b == 0) {
        return 0;
    }
    for (int32_t i = 0; i < p->depth; ++i) {
        sum += a[i];
    }
    return -sum * p->zero_point_b;
}

MCUCC_INLINE int8_t finished(const parameters *p, int32_t sum, mcucc_rounding rounding)
{
    const int32_t y = rounding == MCUCC_ROUND_DOUBLE
                          ? mcucc_requantize_double(sum, p->multiplier, p->shift)
                          : mcucc_requantize(sum, p->multiplier, p->shift);
    return (int8_t)mcucc_saturate8(y + p->output_zero_point);
}

/* The outputs of a head whose values lie in a pixel of b each. */
MCUCC_INLINE void transposed(const parameters *p, const int8_t *a, const int8_t *const *b_rows,
                             int32_t head, void *scratch, int8_t *out, mcucc_rounding rounding)
{
    uint32_t *const pairs = (uint32_t *)scratch;
    int32_t *const dots = (int32_t *)(pairs + (p->depth & ~3) / 2);
    const mcucc_head_row row = {pairs, a, p->depth, p->zero_point_a};
    const int32_t start = offset_of(p, a);
    const int32_t pixel = p->heads * p->depth;
    widen_row(&row);
    for (int32_t i = 0; i < p->b_rows; ++i) {
        dots_of_pixels(&row, b_rows[i] + head * p->depth, pixel, p->b_columns, start, dots);
        for (int32_t column = 0; column < p->b_columns; ++column) {
            *out++ = finished(p, dots[column], rounding);
        }
    }
}

/* The outputs of a head that read one value of every pixel of b. */
MCUCC_INLINE void plain(const parameters *p, const int8_t *a, const int8_t *const *b_rows,
                        int32_t head, void *scratch, int8_t *out, mcucc_rounding rounding)
{
    int16_t *const weights = (int16_t *)scratch;
    const mcucc_weighed b = {b_rows, p->b_rows, p->b_columns, p->heads * p->outputs};
    const int32_t start = offset_of(p, a);
    const int32_t first = head * p->outputs;
    int32_t n = 0;
    for (int32_t i = 0; i < p->depth; ++i) {
        weights[i] = (int16_t)(a[i] - p->zero_point_a);
    }
    for (; n + 4 <= p->outputs; n += 4) {
        int32_t sums[4];
        sums_of_four(&b, weights, first + n, start, sums);
        for (int32_t i = 0; i < 4; ++i) {
            out[n + i] = finished(p, sums[i], rounding);
        }
    }
    for (; n < p->outputs; ++n) {
        out[n] = finished(p, sum_of_one(&b, weights, first + n, start), rounding);
    }
}

MCUCC_INLINE void mat_mul(const parameters *params, const int8_t *const *rows, int8_t *out,
                          const mcucc_span *span, mcucc_rounding rounding)
{
    const parameters local = *params; /* which no store of bytes can change */
    const parameters *const p = &local;
    const int8_t *a = rows[0];
    for (int32_t column = span->begin; column < span->end; ++column) {
        for (int32_t head = 0; head < p->heads; ++head) {
            if (p->transposed) {
                transposed(p, a, rows + 1, head, span->scratch, out, rounding);
            } else {
                plain(p, a, rows + 1, head, span->scratch, out, rounding);
            }
            a += p->depth;
            out += p->outputs;
        }
    }
}

MCUCC_CODE void mcucc_mat_mul_armv7em(const mcucc_mat_mul_armv7em_params *params,
                                      const int8_t *const *rows, int8_t *out,
                                      const mcucc_span *span)
{
    mat_mul(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_mat_mul_armv7em_double(const mcucc_mat_mul_armv7em_params *params,
                                             const int8_t *const *rows, int8_t *out,
                                             const mcucc_span *span)
{
    mat_mul(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}
