/* What the matrix kernels of Armv7E-M are made of, whatever a weight takes in the stream: their
 * assembly around the chunks, and the C of a last odd channel and of other machines. Included once
 * a unit: mcucc/matrix_armv7em.h describes the streams.
 */
#ifndef MCUCC_MATRIX_PARTS_ARMV7EM_H
#define MCUCC_MATRIX_PARTS_ARMV7EM_H

#include "mcucc/matrix_armv7em.h"

/* Weights of fewer than 8 bits are stored as the high bits of weight + 128, without a sign: each
 * input then counts 128 times too often. */
#define MASK(bits) (UINT32_C(0x00ff00ff) << (8 - (bits)) & UINT32_C(0x00ff00ff))
#define MINUS_128 UINT32_C(0xff80ff80) /* a pair */

/* Words of the weights of two channels. */
#define STREAM_WORDS(bits, chunks) ((bits) < 4 ? (chunks) / 2 : (bits) / 4 * (chunks))

/* Words of the factors of two channels. */
#define FACTOR_WORDS(form) ((form) == MCUCC_FORM_HIGH ? 2 : (form) == MCUCC_FORM_COMMON ? 3 : 5)

/* One output channel, `odd` or not, of one pixel: `stream` has its pair's weights. */
MCUCC_INLINE int32_t unpacked_sum(int32_t sum, const uint32_t *stream, int32_t odd, int32_t wide,
                                  const uint32_t *pixel, int32_t chunks)
{
    for (; chunks > 0; --chunks) {
        const uint32_t even_weights = wide ? stream[2 * odd] : mcucc_even_bytes(stream[odd]);
        const uint32_t odd_weights = wide ? stream[2 * odd + 1] : mcucc_odd_bytes(stream[odd]);
        sum = mcucc_dot2(pixel[0], even_weights, sum);
        sum = mcucc_dot2(pixel[1], odd_weights, sum);
        pixel += MCUCC_CHUNK_WORDS;
        stream += wide ? 4 : 2;
    }
    return sum;
}

/* The same: the fields of a chunk are the pairs (0, 2) and (1, 3) of the even channel, then of the
 * odd one, each with its first weight in the low half of a word. */
MCUCC_INLINE int32_t packed_sum(int32_t sum, const uint32_t *stream, int32_t odd, int32_t bits,
                                const uint32_t *pixel, int32_t chunks)
{
    for (int32_t chunk = 0; chunk < chunks; ++chunk) {
        for (int32_t half = 0; half < 2; ++half) {
            const int32_t place = (4 * chunk + 2 * odd + half) * bits;
            const int32_t up = 8 - bits - place % 16;
            const uint32_t word = stream[place / 16];
            const uint32_t weights = (up > 0 ? word << up : word >> -up) & MASK(bits);
            sum = mcucc_dot2(pixel[half], weights, sum);
            sum = mcucc_dot2(pixel[half], MINUS_128, sum);
        }
        pixel += MCUCC_CHUNK_WORDS;
    }
    return sum;
}

MCUCC_INLINE int32_t channel_sum(int32_t sum, const uint32_t *stream, int32_t odd, int32_t bits,
                                 const uint32_t *pixel, int32_t chunks)
{
    return bits < 8 ? packed_sum(sum, stream, odd, bits, pixel, chunks)
                    : unpacked_sum(sum, stream, odd, bits == 16, pixel, chunks);
}

MCUCC_INLINE mcucc_factor channel_factor(const mcucc_matrix *m, const uint32_t *factors,
                                         int32_t odd, mcucc_form form)
{
    mcucc_factor factor = {0, m->zero_point, 0};
    if (form == MCUCC_FORM_HIGH) {
        factor.multiplier = (int32_t)factors[odd];
    } else if (form == MCUCC_FORM_COMMON) {
        factor.multiplier = (int32_t)factors[odd];
        factor.shift = (int32_t)factors[2];
    } else {
        factor.multiplier = (int32_t)factors[2 * odd];
        factor.addend = (int32_t)factors[2 * odd + 1];
        factor.shift = (int32_t)(factors[4] >> (8 * odd) & 0xff);
    }
    return factor;
}

/* The channels [begin, count) in C; `added` is NULL where nothing more is added to the bias. */
MCUCC_INLINE void channels_from(const mcucc_matrix *m, const int32_t *added, int32_t begin,
                                int32_t two, int32_t bits, mcucc_form form)
{
    const int32_t factors = 2 + STREAM_WORDS(bits, m->chunks);
    const int32_t record = factors + FACTOR_WORDS(form);
    for (int32_t channel = begin; channel < m->count; ++channel) {
        const int32_t odd = channel % 2;
        const uint32_t *stream = m->stream + channel / 2 * record;
        const mcucc_factor factor = channel_factor(m, stream + factors, odd, form);
        const int32_t bias = (int32_t)stream[odd] + (added == NULL ? 0 : added[channel]);
        const int32_t p = channel_sum(bias, stream + 2, odd, bits, m->pixels, m->chunks);
        m->p[channel] = mcucc_finish_factor(p, factor, form);
        if (two) {
            const int32_t q = channel_sum(bias, stream + 2, odd, bits, m->pixels + 2, m->chunks);
            m->q[channel] = mcucc_finish_factor(q, factor, form);
        }
    }
}

/* The channels [begin, count) of sums in C. */
MCUCC_INLINE void sums_from(const mcucc_sum_matrix *m, int32_t begin, int32_t two, int32_t bits)
{
    for (int32_t channel = begin; channel < m->count; ++channel) {
        const int32_t odd = channel % 2;
        const uint32_t *stream = m->stream + channel / 2 * STREAM_WORDS(bits, m->chunks);
        m->p[channel] = channel_sum(m->p[channel], stream, odd, bits, m->pixels, m->chunks);
        if (two) {
            m->q[channel] = channel_sum(m->q[channel], stream, odd, bits, m->pixels + 2, m->chunks);
        }
    }
}

#if MCUCC_DSP

/* gcc spills the accumulators of a 2 x 2 block, so the pairs of channels are assembly:
 *   r0 p even, r1 p odd, r2 q even, r3 q odd: accumulators     r11 pixels, r12 stream, lr loop
 *   [sp] pixels, loop count, entry; [sp, #12] zero point or addend; [sp, #16] p, q, end of p
 * Chunks are unrolled by four; the entry skips those the first round does without. */

/* clang-format off */
/* `bytes` is the code size of a chunk: every instruction in it has 4. `frame` is what lies at sp,
 * `more` puts there what the macro itself does not; it finds the argument in r0. */
#define BEGIN_FRAME(bytes, frame, more) \
    "push {r4-r11, lr}\n"              \
    "sub sp, sp, #" #frame "\n"        \
    more                               \
    "ldrd r11, r12, [r0]\n"            \
    "ldrd r1, r2, [r0, #8]\n"          \
    "ldrd r3, r4, [r0, #16]\n"         \
    "ldr r5, [r0, #24]\n"              \
    "bic r3, r3, #1\n"                 \
    "add r3, r3, r1\n"                 \
    "add r6, r5, #3\n"                 \
    "lsr r6, r6, #2\n"                 \
    "rsb r7, r5, r6, lsl #2\n"         \
    "mov r8, #" #bytes "\n"            \
    "adr r9, 2f\n"                     \
    "mla r9, r7, r8, r9\n"             \
    "orr r9, r9, #1\n"                 \
    "strd r11, r6, [sp]\n"             \
    "strd r9, r4, [sp, #8]\n"          \
    "strd r1, r2, [sp, #16]\n"         \
    "str r3, [sp, #24]\n"              \
    "cmp r1, r3\n"                     \
    "beq 3f\n"                         \
    "1:\n"

/* Accumulators begin as the bias, or as the sums at p and q. */
#define BIAS_ONE "ldrd r0, r1, [r12], #8\n"
#define BIAS_TWO BIAS_ONE "mov r2, r0\n mov r3, r1\n"
#define BIAS_ADDED                     \
    "ldr r8, [sp, #28]\n"              \
    "ldrd r0, r1, [r12], #8\n"         \
    "ldrd r4, r5, [r8], #8\n"          \
    "add r0, r0, r4\n"                 \
    "add r1, r1, r5\n"                 \
    "str r8, [sp, #28]\n"
#define SUMS_ONE                       \
    "ldr r8, [sp, #16]\n"              \
    "ldrd r0, r1, [r8]\n"
#define SUMS_TWO                       \
    "ldrd r8, r9, [sp, #16]\n"         \
    "ldrd r0, r1, [r8]\n"              \
    "ldrd r2, r3, [r9]\n"

/* `four` is the code of four chunks. */
#define CHUNKS(four)                   \
    "ldrd r11, lr, [sp]\n"             \
    "ldr pc, [sp, #8]\n"               \
    ".p2align 2\n"                     \
    "2:\n"                             \
    four                               \
    "subs lr, lr, #1\n"                \
    "bne 2b\n"

/* Store p (r0, r1, at r8) and q (r2, r3, at r9); the next pair of channels. */
#define STORE(even, odd, pixel)        \
    "strb " even ", [" pixel "], #1\n"  \
    "strb " odd ", [" pixel "], #1\n"
#define END_FRAME(frame)               \
    "ldr r4, [sp, #24]\n"              \
    "strd r8, r9, [sp, #16]\n"         \
    "cmp r8, r4\n"                     \
    "bne 1b\n"                         \
    "3:\n"                             \
    "add sp, sp, #" #frame "\n"        \
    "pop {r4-r11, pc}\n"

#define LOAD_HIGH                      \
    "ldrd r4, r5, [r12], #8\n"         \
    "ldr r6, [sp, #12]\n"              \
    "ldrd r8, r9, [sp, #16]\n"
#define HIGH(even, odd)                \
    "smmlar " even ", " even ", r4, r6\n"  \
    "smmlar " odd ", " odd ", r5, r6\n" \
    "ssat " even ", #8, " even "\n"   \
    "ssat " odd ", #8, " odd "\n"

/* r4, r6 the multipliers, r5 the addend, r10 the shift */
#define LOAD_COMMON                    \
    "ldmia r12!, {r4, r6, r10}\n"      \
    "ldr r5, [sp, #12]\n"              \
    "ldrd r8, r9, [sp, #16]\n"
#define COMMON(even, odd)              \
    "smmla " even ", " even ", r4, r5\n"   \
    "smmla " odd ", " odd ", r6, r5\n"     \
    "asr " even ", " even ", r10\n"        \
    "asr " odd ", " odd ", r10\n"          \
    "ssat " even ", #8, " even ", asr #1\n" \
    "ssat " odd ", #8, " odd ", asr #1\n"

/* r4, r5 the even channel's multiplier and addend, r6, r7 the odd one's, r10 shift, r11 shift */
#define LOAD_SHIFT                     \
    "ldmia r12!, {r4, r5, r6, r7, r10}\n"  \
    "ldrd r8, r9, [sp, #16]\n"         \
    "lsr r11, r10, #8\n"
#define SHIFT(even, odd)               \
    "smmla " even ", " even ", r4, r5\n"   \
    "smmla " odd ", " odd ", r6, r7\n"     \
    "asr " even ", " even ", r10\n"        \
    "asr " odd ", " odd ", r11\n"          \
    "ssat " even ", #8, " even ", asr #1\n" \
    "ssat " odd ", #8, " odd ", asr #1\n"
#define DOUBLE(even, odd)              \
    "add " even ", " even ", " even "\n"   \
    "add " odd ", " odd ", " odd "\n"      \
    "smmulr " even ", " even ", r4\n"      \
    "smmulr " odd ", " odd ", r6\n"        \
    "add " even ", " even ", " even ", asr #31\n"  \
    "add " odd ", " odd ", " odd ", asr #31\n"     \
    "add " even ", " even ", r5\n"         \
    "add " odd ", " odd ", r7\n"           \
    "asr " even ", " even ", r10\n"        \
    "asr " odd ", " odd ", r11\n"          \
    "ssat " even ", #8, " even ", asr #1\n" \
    "ssat " odd ", #8, " odd ", asr #1\n"

#define STORE_SUMS(even, odd, pixel) "strd " even ", " odd ", [" pixel "], #8\n"

/* The ends of two pixels, of one, and of their sums. */
#define FINISH_TWO(load, finish) \
    load finish("r0", "r1") finish("r2", "r3") STORE("r0", "r1", "r8") STORE("r2", "r3", "r9")
#define FINISH_ONE(load, finish) load finish("r0", "r1") STORE("r0", "r1", "r8")
#define ADD_TWO "ldrd r8, r9, [sp, #16]\n" \
    STORE_SUMS("r0", "r1", "r8") STORE_SUMS("r2", "r3", "r9")
#define ADD_ONE "ldrd r8, r9, [sp, #16]\n" STORE_SUMS("r0", "r1", "r8")
/* clang-format on */

/* The pairs of channels; a last odd one is left. The argument arrives in r0. */
#define PAIRS(name, type, body) \
    MCUCC_ASSEMBLY_LOCAL(void, pairs_##name, (const type *m MCUCC_UNUSED), body)

#define MATRIX(name, two, bits, form, FORM, body)                       \
    PAIRS(name##_##form, mcucc_matrix, body)                            \
    MCUCC_CODE void mcucc_matrix_##name##_##form(const mcucc_matrix *m) \
    {                                                                   \
        pairs_##name##_##form(m);                                       \
        if (m->count & 1) {                                             \
            channels_from(m, NULL, m->count - 1, two, bits, FORM);      \
        }                                                               \
    }

#define ADDED(name, bits, form, FORM, body)                                          \
    PAIRS(name##_added_##form, mcucc_added_matrix, body)                             \
    MCUCC_CODE void mcucc_matrix_##name##_added_##form(const mcucc_added_matrix *m)  \
    {                                                                                \
        pairs_##name##_added_##form(m);                                              \
        if (m->matrix.count & 1) {                                                   \
            channels_from(&m->matrix, m->added, m->matrix.count - 1, 0, bits, FORM); \
        }                                                                            \
    }

/* The assembly counts bytes of p, of which a sum has 4. */
#define ADD(name, two, bits, body)                                     \
    PAIRS(add_##name, mcucc_sum_matrix, body)                          \
    MCUCC_CODE void mcucc_matrix_add_##name(const mcucc_sum_matrix *m) \
    {                                                                  \
        mcucc_sum_matrix pairs = *m;                                   \
        pairs.count = (int32_t)sizeof *m->p * (m->count & ~1);         \
        pairs_add_##name(&pairs);                                      \
        if (m->count & 1) {                                            \
            sums_from(m, m->count - 1, two, bits);                     \
        }                                                              \
    }

#else

#define MATRIX(name, two, bits, form, FORM, body)                       \
    MCUCC_CODE void mcucc_matrix_##name##_##form(const mcucc_matrix *m) \
    {                                                                   \
        channels_from(m, NULL, 0, two, bits, FORM);                     \
    }

#define ADDED(name, bits, form, FORM, body)                                         \
    MCUCC_CODE void mcucc_matrix_##name##_added_##form(const mcucc_added_matrix *m) \
    {                                                                               \
        channels_from(&m->matrix, m->added, 0, 0, bits, FORM);                      \
    }

#define ADD(name, two, bits, body)                                     \
    MCUCC_CODE void mcucc_matrix_add_##name(const mcucc_sum_matrix *m) \
    {                                                                  \
        sums_from(m, 0, two, bits);                                    \
    }

#endif

#endif
