#include "mcucc/attention_armv7em.h"

#include "mcucc/armv7em.h"
#include "mcucc/attention_weights.h"

/* The full fours of a query less its zero point, as pairs (0, 2) (1, 3). */
static void widen_query(uint32_t *pairs, const int8_t *query, int32_t depth, int32_t zero_point)
{
    for (int32_t i = 0; i + 4 <= depth; i += 4) {
        pairs[0] = mcucc_pair(query[i] - zero_point, query[i + 2] - zero_point);
        pairs[1] = mcucc_pair(query[i + 1] - zero_point, query[i + 3] - zero_point);
        pairs += 2;
    }
}

/* What is left of a query behind its full fours. */
MCUCC_INLINE int32_t rest_of_score(const mcucc_attention_params *p, const int8_t *query,
                                   const int8_t *key, int32_t sum)
{
    for (int32_t i = p->depth & ~3; i < p->depth; ++i) {
        sum += (query[i] - p->query_zero_point) * key[i];
    }
    return sum;
}

/* Scores of `count` keys that lie `pixel` bytes apart. */
static void scores_of_row(const mcucc_attention_params *p, const uint32_t *pairs,
                          const int8_t *query, const int8_t *key, int32_t pixel, int32_t count,
                          int32_t *scores)
{
    const uint32_t *const end = pairs + (p->depth & ~3) / 2;
    int32_t left = count;
    for (; left >= 2; left -= 2) {
        const int8_t *first = key;
        const int8_t *second = key + pixel;
        int32_t a = 0;
        int32_t b = 0;
        for (const uint32_t *pair = pairs; pair < end; pair += 2) {
            const uint32_t even = pair[0];
            const uint32_t odd = pair[1];
            const uint32_t a_word = mcucc_load(first);
            const uint32_t b_word = mcucc_load(second);
            a = mcucc_dot2(even, mcucc_even_bytes(a_word), a);
            a = mcucc_dot2(odd, mcucc_odd_bytes(a_word), a);
            b = mcucc_dot2(even, mcucc_even_bytes(b_word), b);
            b = mcucc_dot2(odd, mcucc_odd_bytes(b_word), b);
            first += 4;
            second += 4;
        }
        *scores++ = rest_of_score(p, query, key, a);
        *scores++ = rest_of_score(p, query, key + pixel, b);
        key += 2 * pixel;
    }
    if (left > 0) {
        const int8_t *last = key;
        int32_t a = 0;
        for (const uint32_t *pair = pairs; pair < end; pair += 2) {
            const uint32_t word = mcucc_load(last);
            a = mcucc_dot2(pair[0], mcucc_even_bytes(word), a);
            a = mcucc_dot2(pair[1], mcucc_odd_bytes(word), a);
            last += 4;
        }
        *scores = rest_of_score(p, query, key, a);
    }
}

/* Adds to `sums` what two keys weigh in four channels. */
MCUCC_INLINE void add_two(int32_t *sums, uint32_t weights, uint32_t first, uint32_t second)
{
    const uint32_t first_even = mcucc_even_bytes(first);
    const uint32_t second_even = mcucc_even_bytes(second);
    sums[0] = mcucc_dot2(weights, mcucc_bottoms(first_even, second_even), sums[0]);
    sums[2] = mcucc_dot2(weights, mcucc_tops(first_even, second_even), sums[2]);
    const uint32_t first_odd = mcucc_odd_bytes(first);
    const uint32_t second_odd = mcucc_odd_bytes(second);
    sums[1] = mcucc_dot2(weights, mcucc_bottoms(first_odd, second_odd), sums[1]);
    sums[3] = mcucc_dot2(weights, mcucc_tops(first_odd, second_odd), sums[3]);
}

/* The weighted sums of four channels from `channel` on. */
MCUCC_INLINE void sums_of_four(const mcucc_attention_params *p, const int16_t *weights,
                               const int8_t *const *v_rows, int32_t pixel, int32_t channel,
                               int32_t *sums)
{
    int32_t local[4] = {0, 0, 0, 0};
    for (int32_t row = 0; row < p->v_rows; ++row) {
        const int8_t *value = v_rows[row] + channel;
        int32_t left = p->v_columns;
        for (; left >= 2; left -= 2) {
            add_two(local, mcucc_load(weights), mcucc_load(value), mcucc_load(value + pixel));
            weights += 2;
            value += 2 * pixel;
        }
        if (left > 0) {
            const uint32_t word = mcucc_load(value);
            add_two(local, mcucc_pair(*weights++, 0), word, word);
        }
    }
    for (int32_t i = 0; i < 4; ++i) {
        sums[i] = local[i];
    }
}

static int32_t sum_of_one(const mcucc_attention_params *p, const int16_t *weights,
                          const int8_t *const *v_rows, int32_t pixel, int32_t channel)
{
    int32_t sum = 0;
    for (int32_t row = 0; row < p->v_rows; ++row) {
        const int8_t *value = v_rows[row] + channel;
        for (int32_t column = 0; column < p->v_columns; ++column) {
            sum += *weights++ * *value;
            value += pixel;
        }
    }
    return sum;
}

/* All outputs of a head. */
static void outputs_of_head(const mcucc_attention_params *p, const int16_t *weights,
                            const int8_t *const *v_rows, int32_t shared, uint32_t total,
                            int8_t *out)
{
    const int32_t pixel = p->heads / p->queries_per_key * p->value_depth;
    const mcucc_attention_factor factor = mcucc_attention_reciprocal(p, total);
    const int32_t offset = p->value_zero_point * (int32_t)total;
    const int32_t zero_point = p->output_zero_point;
    int32_t i = 0;
    for (; i + 4 <= p->value_depth; i += 4) {
        int32_t sums[4];
        sums_of_four(p, weights, v_rows, pixel, shared * p->value_depth + i, sums);
        for (int32_t j = 0; j < 4; ++j) {
            const int32_t y =
                mcucc_requantize(sums[j] - offset, factor.multiplier, factor.shift) + zero_point;
            out[i + j] = (int8_t)mcucc_saturate8(y);
        }
    }
    for (; i < p->value_depth; ++i) {
        const int32_t sum = sum_of_one(p, weights, v_rows, pixel, shared * p->value_depth + i);
        const int32_t y =
            mcucc_requantize(sum - offset, factor.multiplier, factor.shift) + zero_point;
        out[i] = (int8_t)mcucc_saturate8(y);
    }
}

void mcucc_attention_armv7em(const mcucc_attention_armv7em_params *params,
                             const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    const mcucc_attention_params *const p = params;
    const int32_t keys = p->k_rows * p->k_columns;
    const int32_t pixel = p->heads / p->queries_per_key * p->depth;
    uint32_t *const pairs = (uint32_t *)span->scratch;
    int32_t *const scores = (int32_t *)(pairs + (p->depth & ~3) / 2);
    int16_t *const weights = (int16_t *)scores;
    const int8_t *query = rows[0];

    for (int32_t column = span->begin; column < span->end; ++column) {
        const int16_t *const bias = mcucc_attention_bias(p, span->row, column);
        for (int32_t head = 0; head < p->heads; ++head) {
            const int32_t shared = head / p->queries_per_key;
            widen_query(pairs, query, p->depth, p->query_zero_point);
            for (int32_t row = 0; row < p->k_rows; ++row) {
                scores_of_row(p, pairs, query, rows[1 + row] + shared * p->depth, pixel,
                              p->k_columns, scores + row * p->k_columns);
            }
            if (bias != NULL) {
                mcucc_attention_add_bias(scores, bias + head * p->bias_head, keys, p->bias_shift);
            }
            const uint32_t total = mcucc_attention_weights(p, scores, weights, keys);
            outputs_of_head(p, weights, rows + 1 + p->k_rows, shared, total, out);
            query += p->depth;
            out += p->value_depth;
        }
    }
}
