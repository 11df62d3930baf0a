#include "mcucc/attention_armv7em.h"

#include "mcucc/attention_weights.h"
#include "mcucc/head_products_armv7em.h"

/* All outputs of a head. */
MCUCC_CODE static void outputs_of_head(const mcucc_attention_params *p, const int16_t *weights,
                                       const int8_t *const *v_rows, int32_t shared, uint32_t total,
                                       int8_t *out)
{
    const mcucc_weighed values = {v_rows, p->v_rows, p->v_columns,
                                  p->heads / p->queries_per_key * p->value_depth};
    const mcucc_attention_factor factor = mcucc_attention_reciprocal(p, total);
    const int32_t offset = p->value_zero_point * (int32_t)total;
    const int32_t zero_point = p->output_zero_point;
    int32_t i = 0;
    for (; i + 4 <= p->value_depth; i += 4) {
        int32_t sums[4];
        sums_of_four(&values, weights, shared * p->value_depth + i, 0, sums);
        for (int32_t j = 0; j < 4; ++j) {
            const int32_t y =
                mcucc_requantize(sums[j] - offset, factor.multiplier, factor.shift) + zero_point;
            out[i + j] = (int8_t)mcucc_saturate8(y);
        }
    }
    for (; i < p->value_depth; ++i) {
        const int32_t sum = sum_of_one(&values, weights, shared * p->value_depth + i, 0);
        const int32_t y =
            mcucc_requantize(sum - offset, factor.multiplier, factor.shift) + zero_point;
        out[i] = (int8_t)mcucc_saturate8(y);
    }
}

MCUCC_CODE void mcucc_attention_armv7em(const mcucc_attention_armv7em_params *params,
                                        const int8_t *const *rows, int8_t *out,
                                        const mcucc_span *span)
{
    const mcucc_attention_params *const p = params;
    const int32_t keys = p->k_rows * p->k_columns;
    const int32_t pixel = p->heads / p->queries_per_key * p->depth;
    uint32_t *const pairs = (uint32_t *)span->scratch;
    int32_t *const scores = (int32_t *)(pairs + (p->depth & ~3) / 2);
    int16_t *const weights = (int16_t *)scores;
    mcucc_head_row query = {pairs, rows[0], p->depth, p->query_zero_point};

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int16_t *const bias = mcucc_attention_bias(p, span->row, column);
        for (int32_t head = 0; head < p->heads; ++head) {
            const int32_t shared = head / p->queries_per_key;
            widen_row(&query);
            for (int32_t row = 0; row < p->k_rows; ++row) {
                dots_of_pixels(&query, rows[1 + row] + shared * p->depth, pixel, p->k_columns, 0,
                               scores + row * p->k_columns);
            }
            if (bias != NULL) {
                mcucc_attention_add_bias(scores, bias + head * p->bias_head, keys, p->bias_shift);
            }
            const uint32_t total = mcucc_attention_weights(p, scores, weights, keys);
            outputs_of_head(p, weights, rows + 1 + p->k_rows, shared, total, out);
            query.values += p->depth;
            out += p->value_depth;
        }
    }
}
