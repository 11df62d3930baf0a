#include "mcucc/mat_mul.h"

#include "mcucc/requantize.h"

/* The outputs of a head whose values lie in a pixel of b each. */
MCUCC_INLINE void transposed(const mcucc_mat_mul_params *p, const int8_t *a,
                             const int8_t *const *b_rows, int32_t head, int8_t *out,
                             mcucc_rounding rounding)
{
    for (int32_t row = 0; row < p->b_rows; ++row) {
        const int8_t *b = b_rows[row] + head * p->depth;
        for (int32_t column = 0; column < p->b_columns; ++column) {
            int32_t sum = 0;
            for (int32_t i = 0; i < p->depth; ++i) {
                sum += (a[i] - p->zero_point_a) * (b[i] - p->zero_point_b);
            }
            *out++ = mcucc_finish(sum, p->multiplier, p->shift, p->output_zero_point, -128, 127,
                                  rounding);
            b += p->heads * p->depth;
        }
    }
}

/* The outputs of a head that read one value of every pixel of b. */
MCUCC_INLINE void plain(const mcucc_mat_mul_params *p, const int8_t *a, const int8_t *const *b_rows,
                        int32_t head, int8_t *out, mcucc_rounding rounding)
{
    const int32_t pixel = p->heads * p->outputs;
    for (int32_t n = 0; n < p->outputs; ++n) {
        const int8_t *left = a;
        int32_t sum = 0;
        for (int32_t row = 0; row < p->b_rows; ++row) {
            const int8_t *b = b_rows[row] + head * p->outputs + n;
            for (int32_t column = 0; column < p->b_columns; ++column) {
                sum += (*left++ - p->zero_point_a) * (*b - p->zero_point_b);
                b += pixel;
            }
        }
        out[n] =
            mcucc_finish(sum, p->multiplier, p->shift, p->output_zero_point, -128, 127, rounding);
    }
}

MCUCC_INLINE void mat_mul(const mcucc_mat_mul_params *params, const int8_t *const *rows,
                          int8_t *out, const mcucc_span *span, mcucc_rounding rounding)
{
    const mcucc_mat_mul_params p = *params;
    const int8_t *a = rows[0];
    for (int32_t column = span->begin; column < span->end; ++column) {
        for (int32_t head = 0; head < p.heads; ++head) {
            if (p.transposed) {
                transposed(&p, a, rows + 1, head, out, rounding);
            } else {
                plain(&p, a, rows + 1, head, out, rounding);
            }
            a += p.depth;
            out += p.outputs;
        }
    }
}

MCUCC_CODE void mcucc_mat_mul(const mcucc_mat_mul_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span)
{
    mat_mul(params, rows, out, span, MCUCC_ROUND_SINGLE);
}

MCUCC_CODE void mcucc_mat_mul_double(const mcucc_mat_mul_params *params, const int8_t *const *rows,
                                     int8_t *out, const mcucc_span *span)
{
    mat_mul(params, rows, out, span, MCUCC_ROUND_DOUBLE);
}
