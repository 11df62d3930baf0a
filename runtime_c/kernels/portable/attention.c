#include "mcucc/attention.h"

#include "mcucc/attention_weights.h"

MCUCC_CODE static void all_scores(const mcucc_attention_params *p, const int8_t *query,
                                  const int8_t *const *k_rows, int32_t head, int32_t *scores)
{
    const int32_t pixel = p->heads / p->queries_per_key * p->depth;
    for (int32_t row = 0; row < p->k_rows; ++row) {
        const int8_t *key = k_rows[row] + head * p->depth;
        for (int32_t column = 0; column < p->k_columns; ++column) {
            int32_t sum = 0;
            for (int32_t i = 0; i < p->depth; ++i) {
                sum += (query[i] - p->query_zero_point) * key[i];
            }
            *scores++ = sum;
            key += pixel;
        }
    }
}

MCUCC_CODE static int32_t weighted_sum(const mcucc_attention_params *p, const int16_t *weights,
                                       const int8_t *const *v_rows, int32_t channel)
{
    const int32_t pixel = p->heads / p->queries_per_key * p->value_depth;
    int32_t sum = 0;
    for (int32_t row = 0; row < p->v_rows; ++row) {
        const int8_t *value = v_rows[row] + channel;
        for (int32_t column = 0; column < p->v_columns; ++column) {
            sum += *weights++ * (*value - p->value_zero_point);
            value += pixel;
        }
    }
    return sum;
}

MCUCC_CODE void mcucc_attention(const mcucc_attention_params *params, const int8_t *const *rows,
                                int8_t *out, const mcucc_span *span)
{
    const mcucc_attention_params p = *params;
    const int32_t keys = p.k_rows * p.k_columns;
    int32_t *scores = (int32_t *)span->scratch;
    int16_t *weights = (int16_t *)scores;
    const int8_t *query = rows[0];

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int16_t *bias = mcucc_attention_bias(&p, span->row, column);
        for (int32_t head = 0; head < p.heads; ++head) {
            const int32_t shared = head / p.queries_per_key;
            all_scores(&p, query, rows + 1, shared, scores);
            if (bias != NULL) {
                mcucc_attention_add_bias(scores, bias + head * p.bias_head, keys, p.bias_shift);
            }
            const uint32_t total = mcucc_attention_weights(&p, scores, weights, keys);
            const mcucc_attention_factor factor = mcucc_attention_reciprocal(&p, total);
            for (int32_t i = 0; i < p.value_depth; ++i) {
                const int32_t sum =
                    weighted_sum(&p, weights, rows + 1 + p.k_rows, shared * p.value_depth + i);
                *out++ = mcucc_finish(sum, factor.multiplier, factor.shift, p.output_zero_point,
                                      -128, 127, MCUCC_ROUND_SINGLE);
            }
            query += p.depth;
        }
    }
}
