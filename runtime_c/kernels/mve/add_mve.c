#include "mcucc/add_mve.h"

#include "mcucc/mve.h"

MCUCC_CODE void mcucc_add_mve(const mcucc_add_mve_params *params, const int8_t *const *rows,
                              int8_t *out, const mcucc_span *span)
{
    const int32_t count = (span->end - span->begin) * params->channels;
    const int8_t *a = rows[0];
    const int8_t *b = rows[1];
    int8_t *y = out;
    /* Four at a time; each is read before it is written, for the output may be an input. */
#if MCUCC_MVE
    /* clang-format off */
    __asm volatile("wlstp.32 lr, %[count], 2f     \n"
                   "1:                            \n"
                   "vldrb.s32 q0, [%[a]], #4      \n"
                   "vldrb.s32 q1, [%[b]], #4      \n"
                   "vmul.i32 q0, q0, %[factor_a]  \n"
                   "vmla.s32 q0, q1, %[factor_b]  \n"
                   "vadd.i32 q0, q0, %[bias]      \n"
                   "vshl.s32 q0, %[shift]         \n"
                   "vqmovnb.s32 q0, q0            \n"
                   "vqmovnb.s16 q0, q0            \n"
                   "vstrb.32 q0, [%[y]], #4       \n"
                   "letp lr, 1b                   \n"
                   "2:                            \n"
                   : [a] "+l"(a), [b] "+l"(b), [y] "+l"(y)
                   : [count] "r"(count), [factor_a] "r"(params->multiplier_a),
                     [factor_b] "r"(params->multiplier_b), [bias] "r"(params->bias),
                     [shift] "r"(-params->shift)
                   : "q0", "q1", "lr", "cc", "memory");
    /* clang-format on */
#else
    for (int32_t i = 0; i < count; ++i) {
        const int32_t sum = a[i] * params->multiplier_a + b[i] * params->multiplier_b;
        y[i] = (int8_t)mcucc_clamp((sum + params->bias) >> params->shift, -128, 127);
    }
#endif
    mcucc_clamp_mve(out, count, params->lo, params->hi);
}
