/* Matrix kernels of Armv7E-M with int16 pixels or int16 outputs (mcucc/matrix_armv7em.h).
 *
 * Pixels of int16 need no widening: they are copied into chunks as they lie, the pairs (0, 1) and
 * (2, 3) of p, then those of q. The compiler puts the weights into the order that meets them, so
 * that the kernels for int8 outputs serve both.
 */
#ifndef MCUCC_MATRIX_WIDE_ARMV7EM_H
#define MCUCC_MATRIX_WIDE_ARMV7EM_H

#include "mcucc/matrix_armv7em.h"
#include "mcucc/wide.h"

/* As mcucc_matrix_two_high and the like; p and q are 2-aligned and take int16. */
#define MCUCC_MATRIX_S16(form)                                    \
    void mcucc_matrix_two_s16_##form(const mcucc_matrix *m);      \
    void mcucc_matrix_one_s16_##form(const mcucc_matrix *m);      \
    void mcucc_matrix_two_wide_s16_##form(const mcucc_matrix *m); \
    void mcucc_matrix_one_wide_s16_##form(const mcucc_matrix *m);
MCUCC_MATRIX_S16(high)
MCUCC_MATRIX_S16(shift)

#define MCUCC_MATRIX_RUN_S16(form)                                                      \
    if (wide) {                                                                         \
        (two ? mcucc_matrix_two_wide_s16_##form : mcucc_matrix_one_wide_s16_##form)(m); \
    } else {                                                                            \
        (two ? mcucc_matrix_two_s16_##form : mcucc_matrix_one_s16_##form)(m);           \
    }

/* HIGH or SHIFT: what int16 takes part in is rounded once. */
MCUCC_INLINE void mcucc_matrix_run_wide(const mcucc_matrix *m, int32_t two, int32_t wide,
                                        mcucc_form form, mcucc_element output)
{
    if (output == MCUCC_S8) {
        mcucc_matrix_run(m, two, wide, form);
    } else if (form == MCUCC_FORM_HIGH) {
        MCUCC_MATRIX_RUN_S16(high)
    } else {
        MCUCC_MATRIX_RUN_S16(shift)
    }
}

/* Copy `chunks` chunks of one pixel; returns where its next chunk goes. */
MCUCC_INLINE uint32_t *mcucc_copy_chunks(uint32_t *pixel, const int16_t *x, int32_t chunks)
{
    for (; chunks > 0; --chunks) {
        const uint32_t first = mcucc_load(x);
        const uint32_t second = mcucc_load(x + 2);
        pixel[0] = first;
        pixel[1] = second;
        x += 4;
        pixel += MCUCC_CHUNK_WORDS;
    }
    return pixel;
}

/* Up to 3 last inputs of a pixel, the chunk filled up with zeros. */
MCUCC_INLINE void mcucc_copy_last(uint32_t *pixel, const int16_t *x, int32_t left)
{
    const int32_t second = left > 1 ? x[1] : 0;
    const int32_t third = left > 2 ? x[2] : 0;
    pixel[0] = mcucc_pair(x[0], second);
    pixel[1] = mcucc_pair(third, 0);
}

/* Copy `count` inputs of one pixel, the last chunk filled up with zeros. */
MCUCC_INLINE void mcucc_copy_all(uint32_t *pixel, const int16_t *x, int32_t count)
{
    const int32_t left = count % 4;
    uint32_t *const last = mcucc_copy_chunks(pixel, x, count / 4);
    if (left > 0) {
        mcucc_copy_last(last, x + count - left, left);
    }
}

/* Copy two pixels, the last chunk filled up with zeros. */
MCUCC_INLINE void mcucc_copy_two(uint32_t *pixels, const int16_t *p, const int16_t *q,
                                 int32_t channels)
{
    const int16_t *const end = p + (channels & ~3);
    while (p < end) {
        const uint32_t p_first = mcucc_load(p);
        const uint32_t p_second = mcucc_load(p + 2);
        const uint32_t q_first = mcucc_load(q);
        const uint32_t q_second = mcucc_load(q + 2);
        p += 4;
        q += 4;
        pixels[0] = p_first;
        pixels[1] = p_second;
        pixels[2] = q_first;
        pixels[3] = q_second;
        pixels += MCUCC_CHUNK_WORDS;
    }
    if (channels & 3) {
        mcucc_copy_last(pixels, p, channels & 3);
        mcucc_copy_last(pixels + 2, q, channels & 3);
    }
}

/* The inputs of two pixels, or of p alone (two 0), as chunks. */
MCUCC_INLINE void mcucc_prepare_pixels(uint32_t *pixels, const int8_t *p, const int8_t *q,
                                       int32_t channels, int32_t two, mcucc_element input)
{
    if (input == MCUCC_S8) {
        if (two) {
            mcucc_widen_two(pixels, p, q, channels);
        } else {
            mcucc_widen_all(pixels, p, channels);
        }
        return;
    }
    const int16_t *const wide_p = (const int16_t *)(const void *)p;
    const int16_t *const wide_q = (const int16_t *)(const void *)q;
    if (two) {
        mcucc_copy_two(pixels, wide_p, wide_q, channels);
    } else {
        mcucc_copy_all(pixels, wide_p, channels);
    }
}

/* Clamp both halves of a pair to [lo, hi], lo <= 0 <= hi: up until what is larger saturates, and
 * back; then down. `positive` says that lo is 0. */
MCUCC_INLINE uint32_t mcucc_clamp_pair(uint32_t pair, int32_t lo, int32_t hi, int32_t positive)
{
#if MCUCC_DSP
    const uint32_t above = mcucc_pair(INT16_MAX - hi, INT16_MAX - hi);
    const uint32_t below = mcucc_pair(lo - INT16_MIN, lo - INT16_MIN);
    __asm__("qadd16 %0, %0, %1\n"
            "qsub16 %0, %0, %1\n"
            : "+r"(pair)
            : "r"(above));
    if (positive) {
        __asm__("usat16 %0, #15, %0\n" : "+r"(pair));
    } else {
        __asm__("qsub16 %0, %0, %1\n"
                "qadd16 %0, %0, %1\n"
                : "+r"(pair)
                : "r"(below));
    }
    return pair;
#else
    (void)positive;
    return mcucc_pair(mcucc_clamp(mcucc_bottom(pair), lo, hi),
                      mcucc_clamp(mcucc_top(pair), lo, hi));
#endif
}

/* Clamp fours of `count` values, lo <= 0 <= hi; returns where the last ones begin. */
MCUCC_INLINE int16_t *mcucc_clamp_fours(int16_t *values, int32_t count, int32_t lo, int32_t hi,
                                        int32_t positive)
{
    for (; count >= 4; count -= 4) {
        const uint32_t first = mcucc_clamp_pair(mcucc_load(values), lo, hi, positive);
        const uint32_t second = mcucc_clamp_pair(mcucc_load(values + 2), lo, hi, positive);
        mcucc_store_word(values, first);
        mcucc_store_word(values + 2, second);
        values += 4;
    }
    return values;
}

/* Clamp `count` values to [lo, hi]; returns at once where that is all their type holds. */
MCUCC_INLINE void mcucc_clamp_values(int8_t *out, int32_t count, int32_t lo, int32_t hi,
                                     mcucc_element output)
{
    int16_t *values = (int16_t *)(void *)out;
    if (output == MCUCC_S8) {
        mcucc_clamp_bytes(out, count, lo, hi);
        return;
    }
    if (lo <= INT16_MIN && hi >= INT16_MAX) {
        return;
    }
    const int16_t *const end = values + count;
    if (lo == 0 && hi >= 0) {
        values = mcucc_clamp_fours(values, count, lo, hi, 1);
    } else if (lo < 0 && hi >= 0) {
        values = mcucc_clamp_fours(values, count, lo, hi, 0);
    }
    for (; values < end; ++values) {
        *values = (int16_t)mcucc_clamp(*values, lo, hi);
    }
}

#endif
