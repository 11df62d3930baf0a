/* mcucc/matrix_armv7em.h with weights of 4 or 2 bits in the stream, unpacked on the fly.
 *
 * An int4 weight q is the int8 weight 16 q, a ternary one 64 q (mcucc/numerics/weights.py). A field
 * is what is left of weight + 128, the high 4 or 2 bits: mask and shift give 16 (q + 8) or
 * 64 (q + 2) as an unsigned halfword, ready for SMLAD, in one instruction for two weights. Each
 * input then counts 128 times too often: the sums begin at -128 times the sum of a pixel's inputs.
 *
 * In the place of the weights of a chunk and two channels stands
 *   4 bits: a word; the low half has the fields of inputs 0 and 1 of the even channel, then of the
 *           odd one, from the lowest bit on; the high half those of inputs 2 and 3.
 *   2 bits: half as much in the same order, two chunks a word: chunks are even.
 * All inputs of the chunks are counted: those beyond the last one are 0.
 */
#ifndef MCUCC_MATRIX_PACKED_ARMV7EM_H
#define MCUCC_MATRIX_PACKED_ARMV7EM_H

#include "mcucc/matrix_armv7em.h"

#define MCUCC_MATRIX_PACKED(bits, form)                              \
    void mcucc_matrix_two_int##bits##_##form(const mcucc_matrix *m); \
    void mcucc_matrix_one_int##bits##_##form(const mcucc_matrix *m); \
    void mcucc_matrix_one_int##bits##_added_##form(const mcucc_added_matrix *m);
#define MCUCC_MATRIX_PACKED_FORMS(bits) \
    MCUCC_MATRIX_PACKED(bits, high)     \
    MCUCC_MATRIX_PACKED(bits, common)   \
    MCUCC_MATRIX_PACKED(bits, shift)    \
    MCUCC_MATRIX_PACKED(bits, double)

MCUCC_MATRIX_PACKED_FORMS(4)
MCUCC_MATRIX_PACKED_FORMS(2)

void mcucc_matrix_add_two_int4(const mcucc_sum_matrix *m);
void mcucc_matrix_add_one_int4(const mcucc_sum_matrix *m);
void mcucc_matrix_add_two_int2(const mcucc_sum_matrix *m);
void mcucc_matrix_add_one_int2(const mcucc_sum_matrix *m);

/* `bits` is a constant: 8 for streams of bytes and of int16, 4 or 2. */
#define MCUCC_MATRIX_RUN_PACKED(bits, form) \
    (two ? mcucc_matrix_two_int##bits##_##form : mcucc_matrix_one_int##bits##_##form)(m);

#define MCUCC_MATRIX_FORMS_PACKED(run, bits) \
    if (form == MCUCC_FORM_HIGH) {           \
        run(bits, high)                      \
    } else if (form == MCUCC_FORM_COMMON) {  \
        run(bits, common)                    \
    } else if (form == MCUCC_FORM_SHIFT) {   \
        run(bits, shift)                     \
    } else {                                 \
        run(bits, double)                    \
    }

MCUCC_INLINE void mcucc_matrix_run_bits(const mcucc_matrix *m, int32_t two, int32_t wide,
                                        int32_t bits, mcucc_form form)
{
    if (bits == 8) {
        mcucc_matrix_run(m, two, wide, form);
    } else if (bits == 4) {
        MCUCC_MATRIX_FORMS_PACKED(MCUCC_MATRIX_RUN_PACKED, 4)
    } else {
        MCUCC_MATRIX_FORMS_PACKED(MCUCC_MATRIX_RUN_PACKED, 2)
    }
}

#define MCUCC_MATRIX_ADDED_PACKED(bits, form) mcucc_matrix_one_int##bits##_added_##form(m);

MCUCC_INLINE void mcucc_matrix_run_added_bits(const mcucc_added_matrix *m, int32_t wide,
                                              int32_t bits, mcucc_form form)
{
    if (bits == 8) {
        mcucc_matrix_run_added(m, wide, form);
    } else if (bits == 4) {
        MCUCC_MATRIX_FORMS_PACKED(MCUCC_MATRIX_ADDED_PACKED, 4)
    } else {
        MCUCC_MATRIX_FORMS_PACKED(MCUCC_MATRIX_ADDED_PACKED, 2)
    }
}

MCUCC_INLINE void mcucc_matrix_add_bits(const mcucc_sum_matrix *m, int32_t two, int32_t wide,
                                        int32_t bits)
{
    if (bits == 8) {
        mcucc_matrix_add(m, two, wide);
    } else if (bits == 4) {
        (two ? mcucc_matrix_add_two_int4 : mcucc_matrix_add_one_int4)(m);
    } else {
        (two ? mcucc_matrix_add_two_int2 : mcucc_matrix_add_one_int2)(m);
    }
}

/* Where chunks are even the last one may lie beyond all inputs: it stays 0. */
MCUCC_INLINE void mcucc_clear_last_chunk(uint32_t *pixels, int32_t chunks, int32_t bits)
{
    if (bits == 2) {
        memset(pixels + MCUCC_CHUNK_WORDS * (chunks - 1), 0, MCUCC_CHUNK_WORDS * sizeof *pixels);
    }
}

#endif
