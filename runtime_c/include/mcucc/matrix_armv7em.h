/* Dot products of pixels with pairs of output channels by SMLAD, what every convolution and
 * fully connected layer on Armv7E-M ends in.
 *
 * Pixels are widened once into `pixels` and shared by all output channels. A chunk is four inputs
 * of two pixels: p as the pairs (0, 2) (1, 3), then q the same way, 16 bytes. Weights are int8,
 * packed offline: four weights of the even output channel, four of the odd one, 8 bytes a chunk.
 */
#ifndef MCUCC_MATRIX_ARMV7EM_H
#define MCUCC_MATRIX_ARMV7EM_H

#include "mcucc/armv7em.h"
#include "mcucc/finish_armv7em.h"

#define MCUCC_CHUNK_WORDS 4 /* words of `pixels` a chunk */

/* Accumulators of the pixels p and q for an even and an odd output channel. */
typedef struct {
    int32_t p_even;
    int32_t q_even;
    int32_t p_odd;
    int32_t q_odd;
} mcucc_block;

/* The output channels of a layer. */
typedef struct {
    int32_t count;
    int32_t chunks; /* of one channel's weights */
    const uint32_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const uint8_t *shift;
    int32_t zero_point;
} mcucc_channels;

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

#if MCUCC_DSP && defined(__OPTIMIZE__)

/* One chunk: 16 multiply-accumulates in 14 instructions. gcc spills here, whatever the C. */
#define MCUCC_CHUNK_2X2                       \
    "ldmia %[x]!, {r4, r5, r6, r7}      \n\t" \
    "ldrd r8, r9, [%[w]], #8            \n\t" \
    "sxtb16 r10, r8                     \n\t" \
    "sxtb16 r8, r8, ror #8              \n\t" \
    "smlad %[pe], r4, r10, %[pe]        \n\t" \
    "smlad %[qe], r6, r10, %[qe]        \n\t" \
    "sxtb16 r10, r9                     \n\t" \
    "sxtb16 r9, r9, ror #8              \n\t" \
    "smlad %[pe], r5, r8, %[pe]         \n\t" \
    "smlad %[qe], r7, r8, %[qe]         \n\t" \
    "smlad %[po], r4, r10, %[po]        \n\t" \
    "smlad %[qo], r6, r10, %[qo]        \n\t" \
    "smlad %[po], r5, r9, %[po]         \n\t" \
    "smlad %[qo], r7, r9, %[qo]         \n\t"

#define MCUCC_CHUNK_1X2                       \
    "ldrd r4, r5, [%[x]], #16           \n\t" \
    "ldrd r8, r9, [%[w]], #8            \n\t" \
    "sxtb16 r10, r8                     \n\t" \
    "sxtb16 r8, r8, ror #8              \n\t" \
    "smlad %[pe], r4, r10, %[pe]        \n\t" \
    "sxtb16 r10, r9                     \n\t" \
    "sxtb16 r9, r9, ror #8              \n\t" \
    "smlad %[po], r4, r10, %[po]        \n\t" \
    "smlad %[pe], r5, r8, %[pe]         \n\t" \
    "smlad %[po], r5, r9, %[po]         \n\t"

/* n chunks: an odd one, an odd pair, then four at a time. */
#define MCUCC_CHUNKS(chunk)           \
    "tst %[n], #1               \n\t" \
    "beq 1f                     \n\t" \
    chunk                             \
    "1: tst %[n], #2            \n\t" \
    "beq 2f                     \n\t" \
    chunk chunk                       \
    "2: lsrs %[n], %[n], #2     \n\t" \
    "beq 4f                     \n\t" \
    "3:                         \n\t" \
    chunk chunk chunk chunk           \
    "subs %[n], %[n], #1        \n\t" \
    "bne 3b                     \n\t" \
    "4:                         \n\t"

MCUCC_INLINE const uint32_t *mcucc_dot_2x2(mcucc_block *sums, const uint32_t *x, const uint32_t *w,
                                           int32_t n)
{
    __asm__ volatile(MCUCC_CHUNKS(MCUCC_CHUNK_2X2)
                     : [pe] "+r"(sums->p_even), [qe] "+r"(sums->q_even), [po] "+r"(sums->p_odd),
                       [qo] "+r"(sums->q_odd), [x] "+r"(x), [w] "+r"(w), [n] "+r"(n)
                     :
                     : "r4", "r5", "r6", "r7", "r8", "r9", "r10", "cc", "memory");
    return w;
}

MCUCC_INLINE const uint32_t *mcucc_dot_1x2(mcucc_block *sums, const uint32_t *x, const uint32_t *w,
                                           int32_t n)
{
    __asm__ volatile(MCUCC_CHUNKS(MCUCC_CHUNK_1X2)
                     : [pe] "+r"(sums->p_even), [po] "+r"(sums->p_odd), [x] "+r"(x), [w] "+r"(w),
                       [n] "+r"(n)
                     :
                     : "r4", "r5", "r8", "r9", "r10", "cc", "memory");
    return w;
}

#else

/* One pixel's chunk with one channel's four weights. */
MCUCC_INLINE int32_t mcucc_dot_chunk(const uint32_t *x, uint32_t w, int32_t sum)
{
    return mcucc_dot2(x[1], mcucc_odd_bytes(w), mcucc_dot2(x[0], mcucc_even_bytes(w), sum));
}

MCUCC_INLINE const uint32_t *mcucc_dot_2x2(mcucc_block *sums, const uint32_t *x, const uint32_t *w,
                                           int32_t n)
{
    for (; n > 0; --n) {
        sums->p_even = mcucc_dot_chunk(x, w[0], sums->p_even);
        sums->q_even = mcucc_dot_chunk(x + 2, w[0], sums->q_even);
        sums->p_odd = mcucc_dot_chunk(x, w[1], sums->p_odd);
        sums->q_odd = mcucc_dot_chunk(x + 2, w[1], sums->q_odd);
        x += MCUCC_CHUNK_WORDS;
        w += 2;
    }
    return w;
}

MCUCC_INLINE const uint32_t *mcucc_dot_1x2(mcucc_block *sums, const uint32_t *x, const uint32_t *w,
                                           int32_t n)
{
    for (; n > 0; --n) {
        sums->p_even = mcucc_dot_chunk(x, w[0], sums->p_even);
        sums->p_odd = mcucc_dot_chunk(x, w[1], sums->p_odd);
        x += MCUCC_CHUNK_WORDS;
        w += 2;
    }
    return w;
}

#endif

/* All output channels of the pixel p (and q, where two != 0) widened in `pixels`; q's outputs
 * follow p's. Weights of a missing last odd channel are zeros. */
MCUCC_INLINE void mcucc_all_channels(const mcucc_channels *all, const uint32_t *pixels,
                                     int8_t *out, int32_t two, mcucc_form form)
{
    const uint32_t *weights = all->weights;
    const int32_t count = all->count;
    for (int32_t even = 0; even < count; even += 2) {
        /* An odd last channel is paired with itself, and stored twice. */
        const int32_t odd = even + 1 < count ? even + 1 : even;
        const int32_t bias_even = all->bias[even];
        const int32_t bias_odd = all->bias[odd];
        mcucc_block sums = {bias_even, bias_even, bias_odd, bias_odd};
        if (two) {
            weights = mcucc_dot_2x2(&sums, pixels, weights, all->chunks);
        } else {
            weights = mcucc_dot_1x2(&sums, pixels, weights, all->chunks);
        }
        mcucc_factor factor =
            mcucc_load_factor(all->multiplier, all->shift, all->zero_point, odd, form);
        out[odd] = mcucc_finish_factor(sums.p_odd, factor, form);
        if (two) {
            out[count + odd] = mcucc_finish_factor(sums.q_odd, factor, form);
        }
        factor = mcucc_load_factor(all->multiplier, all->shift, all->zero_point, even, form);
        out[even] = mcucc_finish_factor(sums.p_even, factor, form);
        if (two) {
            out[count + even] = mcucc_finish_factor(sums.q_even, factor, form);
        }
    }
}

#endif
