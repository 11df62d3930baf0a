#include "mcucc/global_average_pool_mve.h"

#include "mcucc/global_sums.h"
#include "mcucc/mve.h"

/* sums[channel] += the bytes at x, x + pixel, .. of `columns` pixels, up to four channels. */
MCUCC_CODE static void add_columns(int32_t *sums, const int8_t *x, int32_t pixel, int32_t columns,
                                   int32_t channels)
{
#if MCUCC_MVE
    /* clang-format off */
    __asm volatile("vctp.32 %[channels]           \n"
                   "vpst                          \n"
                   "vldrwt.u32 q0, [%[sums]]      \n"
                   "wls lr, %[columns], 2f        \n"
                   "1:                            \n"
                   "vpst                          \n"
                   "vldrbt.s32 q1, [%[x]]         \n"
                   "vadd.i32 q0, q0, q1           \n"
                   "add %[x], %[x], %[pixel]      \n"
                   "le lr, 1b                     \n"
                   "2:                            \n"
                   "vpst                          \n"
                   "vstrwt.32 q0, [%[sums]]       \n"
                   : [x] "+l"(x)
                   : [sums] "r"(sums), [pixel] "r"(pixel), [columns] "r"(columns),
                     [channels] "r"(channels)
                   : "q0", "q1", "lr", "cc", "memory");
    /* clang-format on */
#else
    for (int32_t column = 0; column < columns; ++column) {
        for (int32_t i = 0; i < 4 && i < channels; ++i) {
            sums[i] += x[column * pixel + i];
        }
    }
#endif
}

MCUCC_CODE void
mcucc_global_average_pool_mve_begin(const mcucc_global_average_pool_mve_params *params,
                                    int32_t *sums)
{
    mcucc_global_sums_begin(params, sums);
}

MCUCC_CODE void
mcucc_global_average_pool_mve_row(const mcucc_global_average_pool_mve_params *params,
                                  const int8_t *const *rows, int32_t *sums, const mcucc_span *span)
{
    const int32_t channels = params->channels;
    for (int32_t channel = 0; channel < channels; channel += 4) {
        add_columns(sums + channel, rows[0] + channel, channels, span->end - span->begin,
                    channels - channel);
    }
}

MCUCC_CODE void
mcucc_global_average_pool_mve_finish(const mcucc_global_average_pool_mve_params *params,
                                     const int32_t *sums, int8_t *out)
{
    mcucc_global_sums_finish(params, sums, out);
}
