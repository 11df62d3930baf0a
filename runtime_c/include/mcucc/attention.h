/* Attention: for each head, y = sum w * v / sum w, the weights w of 15 bits by a table from the
 * distance of each score, sum (q - query_zero_point) * k + bias, to the largest one.
 *
 * ROW kernel. rows[0] is the pixel of column span->begin of the queries, head after head. Then
 * the k_rows rows of keys from column 0, then the v_rows rows of values. `out` may be the queries
 * where depth and value_depth are equal. span->scratch: 4 bytes a key.
 */
#ifndef MCUCC_ATTENTION_H
#define MCUCC_ATTENTION_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t heads;
    int32_t queries_per_key; /* heads of queries that share a head of keys and values */
    int32_t depth;           /* of a query and a key, of one head */
    int32_t value_depth;
    int32_t k_rows;
    int32_t k_columns;
    int32_t v_rows;
    int32_t v_columns;
    int32_t query_zero_point;
    int32_t value_zero_point;
    int32_t steps_multiplier; /* from a distance of scores to steps of 1/256 of a doubling */
    int32_t steps_shift;
    int32_t fewer_bits; /* weights have 15 - fewer_bits bits: their sums fit int32 */
    int32_t factor;     /* from values to outputs, factor * 2^-factor_shift */
    int32_t factor_shift;
    int32_t output_zero_point;
    int32_t bias_row; /* from one row, query and head of the bias to the next */
    int32_t bias_query;
    int32_t bias_head;
    int32_t bias_shift;
    const int16_t *bias;    /* times 2^bias_shift; INT16_MIN: no part; NULL: none */
    const uint16_t *powers; /* [256]: 2^15 * 2^(-i / 256) */
} mcucc_attention_params;

void mcucc_attention(const mcucc_attention_params *params, const int8_t *const *rows, int8_t *out,
                     const mcucc_span *span);

#endif
