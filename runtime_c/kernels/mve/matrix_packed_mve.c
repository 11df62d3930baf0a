#include "mcucc/matrix_packed_mve.h"

#if MCUCC_MVE

/* clang-format off */
#define FIELD(shift)                              \
    "vshl.i8 q1, q0, #" shift "               \n" \
    "vand q1, q1, q2                          \n" \
    "vstrb.8 q1, [%[weights]], #16            \n"
#define LOWEST(shift)                             \
    "vldrb.8 q0, [%[packed]], #16             \n" \
    "vshl.i8 q1, q0, #" shift "               \n" \
    "vstrb.8 q1, [%[weights]], #16            \n"
#define HIGHEST                                   \
    "vand q0, q0, q2                          \n" \
    "vstrb.8 q0, [%[weights]], #16            \n"
#define UNPACK(mask, fields)                                     \
    __asm volatile("vmov.i8 q2, #" mask "   \n"                  \
                   "dls lr, %[vectors]      \n"                  \
                   "1:                      \n"                  \
                   fields                                        \
                   "le lr, 1b               \n"                  \
                   : [weights] "+r"(weights), [packed] "+r"(packed) \
                   : [vectors] "r"(vectors)                      \
                   : "q0", "q1", "q2", "lr", "memory")
/* clang-format on */

MCUCC_CODE static const int8_t *unpack_vectors(int8_t *weights, const int8_t *packed,
                                               int32_t vectors, int32_t bits)
{
    if (bits == 4) {
        UNPACK("0xf0", LOWEST("4") HIGHEST);
    } else {
        UNPACK("0xc0", LOWEST("6") FIELD("4") FIELD("2") HIGHEST);
    }
    return packed;
}

#else

MCUCC_CODE static const int8_t *unpack_vectors(int8_t *weights, const int8_t *packed,
                                               int32_t vectors, int32_t bits)
{
    for (; vectors > 0; --vectors) {
        for (int32_t up = 8 - bits; up >= 0; up -= bits) {
            for (int32_t i = 0; i < MCUCC_VECTOR; ++i) {
                const uint32_t field = (uint32_t)(uint8_t)packed[i] << up;
                *weights++ = (int8_t)(uint8_t)(field & (UINT32_C(0xff) << (8 - bits)));
            }
        }
        packed += MCUCC_VECTOR;
    }
    return packed;
}

#endif

MCUCC_CODE const int8_t *mcucc_unpack_mve(int8_t *weights, const int8_t *packed, int32_t count,
                                          int32_t bits)
{
    const int32_t unit = MCUCC_VECTOR * 8 / bits;
    return unpack_vectors(weights, packed, (count + unit - 1) / unit, bits);
}

MCUCC_CODE static void run(const mcucc_matrix_mve *matrix, const int8_t *x, int32_t step,
                           int8_t *out, int32_t count, int32_t bits, mcucc_form_mve form,
                           mcucc_matrix_function_mve multiply)
{
    const int32_t most = mcucc_unpacked_channels_mve(matrix->taps, matrix->channels);
    const int8_t *packed = matrix->weights;
    mcucc_matrix_mve part = *matrix;
    part.weights = matrix->unpacked;
    for (int32_t left = matrix->channels; left > 0; left -= most) {
        part.channels = left < most ? left : most;
        packed = mcucc_unpack_mve(part.unpacked, packed, part.channels * matrix->taps, bits);
        multiply(&part, x, step, out, count);
        part.finish += most * mcucc_entry_words(form);
        out += most;
    }
}

#define ROW(bits, form)                                                                            \
    MCUCC_CODE void mcucc_matrix_mve_int##bits##_##form(                                           \
        const mcucc_matrix_mve *matrix, const int8_t *x, int32_t step, int8_t *out, int32_t count) \
    {                                                                                              \
        run(matrix, x, step, out, count, bits, MCUCC_FORM_MVE_##form, mcucc_matrix_mve_##form);    \
    }
#define ROWS(bits)      \
    ROW(bits, doubling) \
    ROW(bits, shift)    \
    ROW(bits, wide)     \
    ROW(bits, double)

ROWS(4)
ROWS(2)
