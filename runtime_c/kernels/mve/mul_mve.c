#include "mcucc/mul_mve.h"

#include "mcucc/finish_mve.h"

MCUCC_CODE static void multiply(const mcucc_mul_mve_params *params, const int8_t *a,
                                const int8_t *b, int8_t *y, int32_t length)
{
    /* Four at a time; each is read before it is written, for the output may be an input. */
#if MCUCC_MVE
    /* clang-format off */
    __asm volatile("wlstp.32 lr, %[length], 2f      \n"
                   "1:                              \n"
                   "vldrb.s32 q0, [%[a]], #4        \n"
                   "vldrb.s32 q1, [%[b]], #4        \n"
                   "vadd.i32 q0, q0, %[zero_a]      \n"
                   "vadd.i32 q1, q1, %[zero_b]      \n"
                   "vmul.i32 q0, q0, q1             \n"
                   "vshl.i32 q0, q0, #8             \n"
                   "vqdmulh.s32 q0, q0, %[factor]   \n"
                   "vrshl.s32 q0, %[count]          \n"
                   "vadd.i32 q0, q0, %[zero_y]      \n"
                   "vqmovnb.s32 q0, q0              \n"
                   "vqmovnb.s16 q0, q0              \n"
                   "vstrb.32 q0, [%[y]], #4         \n"
                   "letp lr, 1b                     \n"
                   "2:                              \n"
                   : [a] "+l"(a), [b] "+l"(b), [y] "+l"(y)
                   : [length] "r"(length), [zero_a] "r"(-params->zero_point_a),
                     [zero_b] "r"(-params->zero_point_b), [factor] "r"(params->multiplier),
                     [count] "r"(-params->count), [zero_y] "r"(params->output_zero_point)
                   : "q0", "q1", "lr", "cc", "memory");
    /* clang-format on */
#else
    const int32_t entry[] = {0, params->multiplier, -params->count};
    for (int32_t i = 0; i < length; ++i) {
        const int32_t product = (a[i] - params->zero_point_a) * (b[i] - params->zero_point_b);
        y[i] = mcucc_finish_mve(product, entry, params->output_zero_point, MCUCC_FORM_MVE_wide);
    }
#endif
}

MCUCC_CODE void mcucc_mul_mve(const mcucc_mul_mve_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span)
{
    const int32_t columns = span->end - span->begin;
    /* A factor per channel is one run a pixel, the same b every time; else all is one run. */
    const int32_t runs = params->per_channel ? columns : 1;
    const int32_t length = params->per_channel ? params->channels : columns * params->channels;
    for (int32_t run = 0; run < runs; ++run) {
        multiply(params, rows[0] + run * length, rows[1], out + run * length, length);
    }
    mcucc_clamp_mve(out, columns * params->channels, params->lo, params->hi);
}
