/* Pixels times all output channels by SMLAD: what convolutions and fully connected layers on
 * Armv7E-M end in.
 *
 * Pixels are widened once into `pixels` and shared by all output channels. A chunk is four inputs
 * of two pixels: p as the pairs (0, 2) (1, 3), then q the same way, 16 bytes.
 * The constants of a layer are one stream, read once from front to back. For two output channels:
 *   bias, bias                                  int32
 *   chunks times: 4 weights, 4 weights          words of int8, or (wide) two pairs of int16 each
 *   HIGH:          multiplier, multiplier
 *   COMMON:        multiplier, multiplier, shift
 *   SHIFT, DOUBLE: multiplier, addend, multiplier, addend, shift | shift << 8
 * (mcucc/finish_armv7em.h says what they mean). A missing last odd channel is all zeros.
 */
#ifndef MCUCC_MATRIX_ARMV7EM_H
#define MCUCC_MATRIX_ARMV7EM_H

#include "mcucc/abi.h"
#include "mcucc/armv7em.h"
#include "mcucc/finish_armv7em.h"

#define MCUCC_CHUNK_WORDS 4 /* words of `pixels` a chunk */

/* The fields are read by assembly: their order is fixed. */
typedef struct {
    const uint32_t *pixels;
    const uint32_t *stream;
    int8_t *p; /* outputs of the first pixel */
    int8_t *q; /* of the second one */
    int32_t count;
    int32_t zero_point; /* COMMON: the addend */
    int32_t chunks;
} mcucc_matrix;

/* All output channels of two pixels, or of p alone; wide: weights widened offline, an eighth of
 * the instructions less for twice the flash. */
#define MCUCC_MATRIX(form)                                    \
    void mcucc_matrix_two_##form(const mcucc_matrix *m);      \
    void mcucc_matrix_one_##form(const mcucc_matrix *m);      \
    void mcucc_matrix_two_wide_##form(const mcucc_matrix *m); \
    void mcucc_matrix_one_wide_##form(const mcucc_matrix *m);
MCUCC_MATRIX(high)
MCUCC_MATRIX(common)
MCUCC_MATRIX(shift)
MCUCC_MATRIX(double)

/* The same for one pixel, with one more addend for each output channel. */
typedef struct {
    mcucc_matrix matrix;
    const int32_t *added;
} mcucc_added_matrix;

#define MCUCC_ADDED_MATRIX(form)                                     \
    void mcucc_matrix_one_added_##form(const mcucc_added_matrix *m); \
    void mcucc_matrix_one_wide_added_##form(const mcucc_added_matrix *m);
MCUCC_ADDED_MATRIX(high)
MCUCC_ADDED_MATRIX(common)
MCUCC_ADDED_MATRIX(shift)
MCUCC_ADDED_MATRIX(double)

/* The same where the outputs are int32 sums to add to: no bias and no factors in the stream. */
typedef struct {
    const uint32_t *pixels;
    const uint32_t *stream;
    int32_t *p;
    int32_t *q;
    int32_t count;
    int32_t zero_point; /* none */
    int32_t chunks;
} mcucc_sum_matrix;

void mcucc_matrix_add_two(const mcucc_sum_matrix *m);
void mcucc_matrix_add_one(const mcucc_sum_matrix *m);
void mcucc_matrix_add_two_wide(const mcucc_sum_matrix *m);
void mcucc_matrix_add_one_wide(const mcucc_sum_matrix *m);

MCUCC_INLINE void mcucc_matrix_add(const mcucc_sum_matrix *m, int32_t two, int32_t wide)
{
    if (wide) {
        (two ? mcucc_matrix_add_two_wide : mcucc_matrix_add_one_wide)(m);
    } else {
        (two ? mcucc_matrix_add_two : mcucc_matrix_add_one)(m);
    }
}

#define MCUCC_MATRIX_RUN(form)                                                  \
    if (wide) {                                                                 \
        (two ? mcucc_matrix_two_wide_##form : mcucc_matrix_one_wide_##form)(m); \
    } else {                                                                    \
        (two ? mcucc_matrix_two_##form : mcucc_matrix_one_##form)(m);           \
    }

MCUCC_INLINE void mcucc_matrix_run(const mcucc_matrix *m, int32_t two, int32_t wide,
                                   mcucc_form form)
{
    if (form == MCUCC_FORM_HIGH) {
        MCUCC_MATRIX_RUN(high)
    } else if (form == MCUCC_FORM_COMMON) {
        MCUCC_MATRIX_RUN(common)
    } else if (form == MCUCC_FORM_SHIFT) {
        MCUCC_MATRIX_RUN(shift)
    } else {
        MCUCC_MATRIX_RUN(double)
    }
}

MCUCC_INLINE void mcucc_matrix_run_added(const mcucc_added_matrix *m, int32_t wide, mcucc_form form)
{
    if (form == MCUCC_FORM_HIGH) {
        (wide ? mcucc_matrix_one_wide_added_high : mcucc_matrix_one_added_high)(m);
    } else if (form == MCUCC_FORM_COMMON) {
        (wide ? mcucc_matrix_one_wide_added_common : mcucc_matrix_one_added_common)(m);
    } else if (form == MCUCC_FORM_SHIFT) {
        (wide ? mcucc_matrix_one_wide_added_shift : mcucc_matrix_one_added_shift)(m);
    } else {
        (wide ? mcucc_matrix_one_wide_added_double : mcucc_matrix_one_added_double)(m);
    }
}

/* Widen `chunks` chunks of one pixel; returns where its next chunk goes. */
MCUCC_INLINE uint32_t *mcucc_widen(uint32_t *pixel, const int8_t *x, int32_t chunks)
{
    for (; chunks >= 2; chunks -= 2) {
        const uint32_t first = mcucc_load(x);
        const uint32_t second = mcucc_load(x + 4);
        pixel[0] = mcucc_even_bytes(first);
        pixel[1] = mcucc_odd_bytes(first);
        pixel[MCUCC_CHUNK_WORDS] = mcucc_even_bytes(second);
        pixel[MCUCC_CHUNK_WORDS + 1] = mcucc_odd_bytes(second);
        x += 8;
        pixel += 2 * MCUCC_CHUNK_WORDS;
    }
    if (chunks > 0) {
        const uint32_t word = mcucc_load(x);
        pixel[0] = mcucc_even_bytes(word);
        pixel[1] = mcucc_odd_bytes(word);
        pixel += MCUCC_CHUNK_WORDS;
    }
    return pixel;
}

/* Widen `count` inputs, the last chunk filled up with zeros. */
MCUCC_INLINE void mcucc_widen_all(uint32_t *pixel, const int8_t *x, int32_t count)
{
    const int32_t left = count % 4;
    uint32_t *const last = mcucc_widen(pixel, x, count / 4);
    if (left > 0) {
        const int8_t *end = x + count - left;
        const int32_t second = left > 1 ? end[1] : 0;
        const int32_t third = left > 2 ? end[2] : 0;
        last[0] = mcucc_pair(end[0], third);
        last[1] = mcucc_pair(second, 0);
    }
}

/* Widen two pixels, the last chunk filled up with zeros. */
MCUCC_INLINE void mcucc_widen_two(uint32_t *pixels, const int8_t *p, const int8_t *q,
                                  int32_t channels)
{
    const int8_t *const end = p + (channels & ~3);
    while (p < end) {
        const uint32_t p_word = mcucc_load(p);
        const uint32_t q_word = mcucc_load(q);
        p += 4;
        q += 4;
        pixels[0] = mcucc_even_bytes(p_word);
        pixels[1] = mcucc_odd_bytes(p_word);
        pixels[2] = mcucc_even_bytes(q_word);
        pixels[3] = mcucc_odd_bytes(q_word);
        pixels += MCUCC_CHUNK_WORDS;
    }
    if (channels & 3) {
        mcucc_widen_all(pixels, p, channels & 3);
        mcucc_widen_all(pixels + 2, q, channels & 3);
    }
}

#endif
