#include "mcucc/matrix_wide_armv7em.h"

#include "mcucc/matrix_parts_armv7em.h"

/* A last odd channel, and all channels of other machines. */
MCUCC_INLINE int16_t finish_s16(int32_t acc, mcucc_factor factor, mcucc_form form)
{
    int32_t scaled;
    if (form == MCUCC_FORM_HIGH) {
        scaled = mcucc_high_mac_rounded(acc, factor.multiplier, factor.addend);
    } else {
        scaled = mcucc_high_mac(acc, factor.multiplier, factor.addend) >> factor.shift >> 1;
    }
    return (int16_t)mcucc_clamp(scaled, INT16_MIN, INT16_MAX);
}

MCUCC_INLINE void channels_s16_from(const mcucc_matrix *m, int32_t begin, int32_t two, int32_t bits,
                                    mcucc_form form)
{
    int16_t *const p_out = (int16_t *)(void *)m->p;
    int16_t *const q_out = (int16_t *)(void *)m->q;
    const int32_t factors = 2 + STREAM_WORDS(bits, m->chunks);
    const int32_t record = factors + (form == MCUCC_FORM_HIGH ? 2 : 5);
    for (int32_t channel = begin; channel < m->count; ++channel) {
        const int32_t odd = channel % 2;
        const uint32_t *stream = m->stream + channel / 2 * record;
        const mcucc_factor factor = channel_factor(m, stream + factors, odd, form);
        const int32_t bias = (int32_t)stream[odd];
        const int32_t p = channel_sum(bias, stream + 2, odd, bits, m->pixels, m->chunks);
        p_out[channel] = finish_s16(p, factor, form);
        if (two) {
            const int32_t q = channel_sum(bias, stream + 2, odd, bits, m->pixels + 2, m->chunks);
            q_out[channel] = finish_s16(q, factor, form);
        }
    }
}

#if MCUCC_DSP

/* clang-format off */
#define CHUNK_TWO                      \
    "ldmia r11!, {r4, r5, r6, r7}\n"   \
    "ldrd r8, r9, [r12], #8\n"         \
    "sxtb16 r10, r8\n"                 \
    "sxtb16 r8, r8, ror #8\n"          \
    "smlad r0, r4, r10, r0\n"          \
    "smlad r2, r6, r10, r2\n"          \
    "sxtb16 r10, r9\n"                 \
    "sxtb16 r9, r9, ror #8\n"          \
    "smlad r0, r5, r8, r0\n"           \
    "smlad r2, r7, r8, r2\n"           \
    "smlad r1, r4, r10, r1\n"          \
    "smlad r3, r6, r10, r3\n"          \
    "smlad r1, r5, r9, r1\n"           \
    "smlad r3, r7, r9, r3\n"

#define CHUNK_ONE                      \
    "ldrd r4, r5, [r11], #16\n"        \
    "ldrd r8, r9, [r12], #8\n"         \
    "sxtb16 r10, r8\n"                 \
    "sxtb16 r8, r8, ror #8\n"          \
    "smlad r0, r4, r10, r0\n"          \
    "sxtb16 r10, r9\n"                 \
    "sxtb16 r9, r9, ror #8\n"          \
    "smlad r1, r4, r10, r1\n"          \
    "smlad r0, r5, r8, r0\n"           \
    "smlad r1, r5, r9, r1\n"

/* The same with widened weights. */
#define CHUNK_TWO_WIDE                 \
    "ldmia r11!, {r4, r5, r6, r7}\n"   \
    "ldrd r8, r9, [r12], #8\n"         \
    "smlad r0, r4, r8, r0\n"           \
    "smlad r2, r6, r8, r2\n"           \
    "smlad r0, r5, r9, r0\n"           \
    "smlad r2, r7, r9, r2\n"           \
    "ldrd r8, r9, [r12], #8\n"         \
    "smlad r1, r4, r8, r1\n"           \
    "smlad r3, r6, r8, r3\n"           \
    "smlad r1, r5, r9, r1\n"           \
    "smlad r3, r7, r9, r3\n"

#define CHUNK_ONE_WIDE                 \
    "ldrd r4, r5, [r11], #16\n"        \
    "ldrd r8, r9, [r12], #8\n"         \
    "smlad r0, r4, r8, r0\n"           \
    "smlad r0, r5, r9, r0\n"           \
    "ldrd r8, r9, [r12], #8\n"         \
    "smlad r1, r4, r8, r1\n"           \
    "smlad r1, r5, r9, r1\n"

#define HIGH_S16(even, odd)                    \
    "smmlar " even ", " even ", r4, r6\n"      \
    "smmlar " odd ", " odd ", r5, r6\n"        \
    "ssat " even ", #16, " even "\n"           \
    "ssat " odd ", #16, " odd "\n"
#define SHIFT_S16(even, odd)                   \
    "smmla " even ", " even ", r4, r5\n"       \
    "smmla " odd ", " odd ", r6, r7\n"         \
    "asr " even ", " even ", r10\n"            \
    "asr " odd ", " odd ", r11\n"              \
    "ssat " even ", #16, " even ", asr #1\n"   \
    "ssat " odd ", #16, " odd ", asr #1\n"
#define STORE_S16(even, odd, pixel)            \
    "strh " even ", [" pixel "], #2\n"         \
    "strh " odd ", [" pixel "], #2\n"

#define ALL(chunk) CHUNKS(chunk chunk chunk chunk)
#define TWO(bytes, chunk, load, finish)                                   \
    BEGIN_FRAME(bytes, 28, "") BIAS_TWO ALL(chunk)                        \
    load finish("r0", "r1") finish("r2", "r3")                            \
    STORE_S16("r0", "r1", "r8") STORE_S16("r2", "r3", "r9") END_FRAME(28)
#define ONE(bytes, chunk, load, finish)                                   \
    BEGIN_FRAME(bytes, 28, "") BIAS_ONE ALL(chunk)                        \
    load finish("r0", "r1") STORE_S16("r0", "r1", "r8") END_FRAME(28)
/* clang-format on */

/* The assembly counts bytes of p, of which an output has 2. */
#define MATRIX_S16(name, two, bits, form, FORM, body)                       \
    PAIRS(name##_s16_##form, mcucc_matrix, body)                            \
    MCUCC_CODE void mcucc_matrix_##name##_s16_##form(const mcucc_matrix *m) \
    {                                                                       \
        mcucc_matrix pairs = *m;                                            \
        pairs.count = 2 * (m->count & ~1);                                  \
        pairs_##name##_s16_##form(&pairs);                                  \
        if (m->count & 1) {                                                 \
            channels_s16_from(m, m->count - 1, two, bits, FORM);            \
        }                                                                   \
    }

#else

#define MATRIX_S16(name, two, bits, form, FORM, body)                       \
    MCUCC_CODE void mcucc_matrix_##name##_s16_##form(const mcucc_matrix *m) \
    {                                                                       \
        channels_s16_from(m, 0, two, bits, FORM);                           \
    }

#endif

#define MATRICES(form, FORM, load, finish)                                         \
    MATRIX_S16(two, 1, 8, form, FORM, TWO(56, CHUNK_TWO, load, finish))            \
    MATRIX_S16(one, 0, 8, form, FORM, ONE(40, CHUNK_ONE, load, finish))            \
    MATRIX_S16(two_wide, 1, 16, form, FORM, TWO(44, CHUNK_TWO_WIDE, load, finish)) \
    MATRIX_S16(one_wide, 0, 16, form, FORM, ONE(28, CHUNK_ONE_WIDE, load, finish))

MATRICES(high, MCUCC_FORM_HIGH, LOAD_HIGH, HIGH_S16)
MATRICES(shift, MCUCC_FORM_SHIFT, LOAD_SHIFT, SHIFT_S16)
