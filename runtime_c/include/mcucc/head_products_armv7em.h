/* Products of a row of a matrix with the rows and the columns of another on Armv7E-M: what attention
 * and MatMul share. A pixel of the other matrix is a row of it; heads lie side by side in a pixel.
 * Included once a unit.
 */
#ifndef MCUCC_HEAD_PRODUCTS_ARMV7EM_H
#define MCUCC_HEAD_PRODUCTS_ARMV7EM_H

#include "mcucc/armv7em.h"

/* A row of `depth` values less their zero point, its full fours as pairs (0, 2) (1, 3). */
typedef struct {
    uint32_t *pairs;
    const int8_t *values;
    int32_t depth;
    int32_t zero_point;
} mcucc_head_row;

MCUCC_CODE static void widen_row(const mcucc_head_row *row)
{
    uint32_t *pairs = row->pairs;
    const int32_t zero_point = row->zero_point;
    const int8_t *x = row->values;
    for (int32_t i = 0; i + 4 <= row->depth; i += 4) {
        pairs[0] = mcucc_pair(x[i] - zero_point, x[i + 2] - zero_point);
        pairs[1] = mcucc_pair(x[i + 1] - zero_point, x[i + 3] - zero_point);
        pairs += 2;
    }
}

/* What is left of a row behind its full fours. */
MCUCC_INLINE int32_t rest_of_dot(const mcucc_head_row *row, const int8_t *other, int32_t sum)
{
    for (int32_t i = row->depth & ~3; i < row->depth; ++i) {
        sum += (row->values[i] - row->zero_point) * other[i];
    }
    return sum;
}

/* `start` and the product of the row with each of `count` pixels that lie `pixel` bytes apart. */
MCUCC_CODE static void dots_of_pixels(const mcucc_head_row *row, const int8_t *other, int32_t pixel,
                                      int32_t count, int32_t start, int32_t *dots)
{
    const uint32_t *const end = row->pairs + (row->depth & ~3) / 2;
    int32_t left = count;
    for (; left >= 2; left -= 2) {
        const int8_t *first = other;
        const int8_t *second = other + pixel;
        int32_t a = start;
        int32_t b = start;
        for (const uint32_t *pair = row->pairs; pair < end; pair += 2) {
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
        *dots++ = rest_of_dot(row, other, a);
        *dots++ = rest_of_dot(row, other + pixel, b);
        other += 2 * pixel;
    }
    if (left > 0) {
        const int8_t *last = other;
        int32_t a = start;
        for (const uint32_t *pair = row->pairs; pair < end; pair += 2) {
            const uint32_t word = mcucc_load(last);
            a = mcucc_dot2(pair[0], mcucc_even_bytes(word), a);
            a = mcucc_dot2(pair[1], mcucc_odd_bytes(word), a);
            last += 4;
        }
        *dots = rest_of_dot(row, other, a);
    }
}

/* Pixels that are weighed: `rows` rows of `columns`, `pixel` bytes apart. */
typedef struct {
    const int8_t *const *at;
    int32_t rows;
    int32_t columns;
    int32_t pixel;
} mcucc_weighed;

/* Of four channels; fields, for gcc stores the elements of an array every step. */
typedef struct {
    int32_t a;
    int32_t b;
    int32_t c;
    int32_t d;
} four_sums;

/* Adds what two pixels weigh in four channels. */
MCUCC_INLINE void add_two(four_sums *sums, uint32_t weights, uint32_t first, uint32_t second)
{
    const uint32_t first_even = mcucc_even_bytes(first);
    const uint32_t second_even = mcucc_even_bytes(second);
    sums->a = mcucc_dot2(weights, mcucc_bottoms(first_even, second_even), sums->a);
    sums->c = mcucc_dot2(weights, mcucc_tops(first_even, second_even), sums->c);
    const uint32_t first_odd = mcucc_odd_bytes(first);
    const uint32_t second_odd = mcucc_odd_bytes(second);
    sums->b = mcucc_dot2(weights, mcucc_bottoms(first_odd, second_odd), sums->b);
    sums->d = mcucc_dot2(weights, mcucc_tops(first_odd, second_odd), sums->d);
}

/* The weighted sums of four channels from `channel` on, `start` in each. */
MCUCC_INLINE void sums_of_four(const mcucc_weighed *other, const int16_t *weights, int32_t channel,
                               int32_t start, int32_t *sums)
{
    four_sums local = {start, start, start, start};
    const int32_t pixel = other->pixel;
    for (int32_t row = 0; row < other->rows; ++row) {
        const int8_t *value = other->at[row] + channel;
        int32_t left = other->columns;
        for (; left >= 2; left -= 2) {
            add_two(&local, mcucc_load(weights), mcucc_load(value), mcucc_load(value + pixel));
            weights += 2;
            value += 2 * pixel;
        }
        if (left > 0) {
            const uint32_t word = mcucc_load(value);
            add_two(&local, mcucc_pair(*weights++, 0), word, word);
        }
    }
    sums[0] = local.a;
    sums[1] = local.b;
    sums[2] = local.c;
    sums[3] = local.d;
}

MCUCC_CODE static int32_t sum_of_one(const mcucc_weighed *other, const int16_t *weights,
                                     int32_t channel, int32_t start)
{
    int32_t sum = start;
    for (int32_t row = 0; row < other->rows; ++row) {
        const int8_t *value = other->at[row] + channel;
        for (int32_t column = 0; column < other->columns; ++column) {
            sum += *weights++ * *value;
            value += other->pixel;
        }
    }
    return sum;
}

#endif
