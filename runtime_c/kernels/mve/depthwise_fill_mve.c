#include "mcucc/depthwise_fill_mve.h"

#if MCUCC_MVE

/* q0-q3 hold 16 channels of the rows, VST4 stores them as words of four. Lanes of channels that are
 * not there are neither read nor, by the kernel, used. */
/* clang-format off */
#define STORE_SET                                \
    "vst40.8 {q0, q1, q2, q3}, [r5]         \n"  \
    "vst41.8 {q0, q1, q2, q3}, [r5]         \n"  \
    "vst42.8 {q0, q1, q2, q3}, [r5]         \n"  \
    "vst43.8 {q0, q1, q2, q3}, [r5]         \n"  \
    "add r5, r5, r6                         \n"
#define LOAD_1                                   \
    "vpst                                   \n"  \
    "vldrbt.8 q0, [r1]                      \n"  \
    "add r1, r1, r7                         \n"
#define LOAD_2                                   \
    "vpstt                                  \n"  \
    "vldrbt.8 q0, [r1]                      \n"  \
    "vldrbt.8 q1, [r2]                      \n"  \
    "add r1, r1, r7                         \n"  \
    "add r2, r2, r7                         \n"
#define LOAD_3                                   \
    "vpsttt                                 \n"  \
    "vldrbt.8 q0, [r1]                      \n"  \
    "vldrbt.8 q1, [r2]                      \n"  \
    "vldrbt.8 q2, [r3]                      \n"  \
    "add r1, r1, r7                         \n"  \
    "add r2, r2, r7                         \n"  \
    "add r3, r3, r7                         \n"
#define LOAD_4                                   \
    "vpstttt                                \n"  \
    "vldrbt.8 q0, [r1]                      \n"  \
    "vldrbt.8 q1, [r2]                      \n"  \
    "vldrbt.8 q2, [r3]                      \n"  \
    "vldrbt.8 q3, [r4]                      \n"  \
    "add r1, r1, r7                         \n"  \
    "add r2, r2, r7                         \n"  \
    "add r3, r3, r7                         \n"  \
    "add r4, r4, r7                         \n"

#define FILL(rows)                                                                           \
    MCUCC_ASSEMBLY_LOCAL(void, fill_##rows, (const mcucc_depthwise_fill *fill MCUCC_UNUSED), \
        "push {r4-r9, lr}                   \n"                                              \
        "ldmia r0, {r1-r9}                  \n"                                              \
        "vctp.8 r9                          \n"                                              \
        "dls lr, r8                         \n"                                              \
        "1:                                 \n"                                              \
        LOAD_##rows STORE_SET                                                                \
        "le lr, 1b                          \n"                                              \
        "pop {r4-r9, pc}                    \n")
/* clang-format on */

FILL(1)
FILL(2)
FILL(3)
FILL(4)

MCUCC_CODE void mcucc_depthwise_fill_mve(const mcucc_depthwise_fill *fill, int32_t rows)
{
    static void (*const fills[])(const mcucc_depthwise_fill *) = {fill_1, fill_2, fill_3, fill_4};
    fills[rows - 1](fill);
}

#else

MCUCC_CODE void mcucc_depthwise_fill_mve(const mcucc_depthwise_fill *fill, int32_t rows)
{
    for (int32_t column = 0; column < fill->columns; ++column) {
        int8_t *words = fill->planes + column * fill->step;
        for (int32_t row = 0; row < rows; ++row) {
            const int8_t *x = fill->rows[row] + column * fill->pixel;
            for (int32_t channel = 0; channel < fill->channels; ++channel) {
                words[channel * MCUCC_SET_ROWS_MVE + row] = x[channel];
            }
        }
    }
}

#endif
