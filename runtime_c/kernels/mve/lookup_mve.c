#include "mcucc/lookup_mve.h"

#include "mcucc/mve.h"

MCUCC_CODE void mcucc_lookup_mve(const mcucc_lookup_mve_params *params, const int8_t *const *rows,
                                 int8_t *out, const mcucc_span *span)
{
    const int32_t count = (span->end - span->begin) * params->channels;
    const int8_t *x = rows[0];
    /* x + 128 as an unsigned byte is x with its sign inverted. */
#if MCUCC_MVE
    /* clang-format off */
    __asm volatile("vmov.i8 q1, #128              \n"
                   "wlstp.8 lr, %[count], 2f      \n"
                   "1:                            \n"
                   "vldrb.8 q0, [%[x]], #16       \n"
                   "veor q0, q0, q1               \n"
                   "vldrb.u8 q2, [%[table], q0]   \n"
                   "vstrb.8 q2, [%[y]], #16       \n"
                   "letp lr, 1b                   \n"
                   "2:                            \n"
                   : [x] "+r"(x), [y] "+r"(out)
                   : [count] "r"(count), [table] "r"(params->table)
                   : "q0", "q1", "q2", "lr", "cc", "memory");
    /* clang-format on */
#else
    for (int32_t i = 0; i < count; ++i) {
        out[i] = params->table[x[i] + 128];
    }
#endif
}
