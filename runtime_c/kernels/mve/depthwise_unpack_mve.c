#include "mcucc/depthwise_unpack_mve.h"

#include "mcucc/matrix_packed_mve.h"

#define LANES 16

/* One word of 16 channels' entries, `pitch` bytes apart. */
MCUCC_CODE static void scatter_words(const uint32_t *from, int8_t *to, int32_t pitch)
{
#if MCUCC_MVE
    uint32_t offsets[4];
    for (int32_t i = 0; i < 4; ++i) {
        offsets[i] = (uint32_t)(i * pitch);
    }
    /* clang-format off */
    __asm volatile("vldrw.u32 q1, [%[offsets]]   \n"
                   "dls lr, %[fours]             \n"
                   "1:                           \n"
                   "vldrw.u32 q0, [%[from]], #16 \n"
                   "vstrw.32 q0, [%[to], q1]     \n"
                   "add %[to], %[to], %[step]    \n"
                   "le lr, 1b                    \n"
                   : [from] "+r"(from), [to] "+r"(to)
                   : [offsets] "r"(offsets), [fours] "r"(LANES / 4), [step] "r"(4 * pitch)
                   : "q0", "q1", "lr", "memory");
    /* clang-format on */
#else
    for (int32_t lane = 0; lane < LANES; ++lane) {
        memcpy(to + lane * pitch, from + lane, sizeof *from);
    }
#endif
}

/* The weights of 16 channels, `step` bytes apart, to where the gathers find them, `pitch` apart. */
#if MCUCC_MVE

/* clang-format off */
#define PLACE(indices, bytes)                                                                \
    __asm volatile(indices                                                                   \
                   "dls lr, %[lanes]              \n"                                        \
                   "1:                            \n"                                        \
                   bytes                                                                     \
                   "add %[from], %[from], %[step] \n"                                        \
                   "add %[to], %[to], %[pitch]    \n"                                        \
                   "le lr, 1b                     \n"                                        \
                   : [from] "+r"(from), [to] "+r"(to)                                        \
                   : [places] "r"(places), [lanes] "r"(LANES), [step] "r"(step), [pitch] "r"(pitch) \
                   : "q0", "q1", "q2", "q3", "q4", "lr", "memory")
#define INDEX(q, at) "vldrb.8 " q ", [%[places]" at "] \n"
#define BYTES(q, at)                    \
    "vldrb.u8 q0, [%[from], " q "] \n"  \
    "vstrb.8 q0, [%[to]" at "]     \n"
#define INDICES_3 INDEX("q1", "") INDEX("q2", ", #16") INDEX("q3", ", #32")
#define BYTES_3 BYTES("q1", "") BYTES("q2", ", #16") BYTES("q3", ", #32")
/* clang-format on */

MCUCC_CODE static void place(const int8_t *from, int8_t *to, const int8_t *places, int32_t gathers,
                             int32_t step, int32_t pitch)
{
    if (gathers == 1) {
        PLACE(INDEX("q1", ""), BYTES("q1", ""));
    } else if (gathers == 3) {
        PLACE(INDICES_3, BYTES_3);
    } else {
        PLACE(INDICES_3 INDEX("q4", ", #48"), BYTES_3 BYTES("q4", ", #48"));
    }
}

#else

MCUCC_CODE static void place(const int8_t *from, int8_t *to, const int8_t *places, int32_t gathers,
                             int32_t step, int32_t pitch)
{
    for (int32_t lane = 0; lane < LANES; ++lane) {
        for (int32_t i = 0; i < MCUCC_VECTOR * gathers; ++i) {
            to[i] = from[places[i]];
        }
        from += step;
        to += pitch;
    }
}

#endif

MCUCC_CODE const uint32_t *mcucc_depthwise_unpack_mve(const mcucc_depthwise_packed *packed,
                                                      const uint32_t *block)
{
    const int32_t weight_bytes = MCUCC_VECTOR * packed->gathers;
    const int32_t pitch = weight_bytes + packed->entry_words * (int32_t)sizeof *block;
    int8_t *const stream = (int8_t *)packed->stream;
    for (int32_t word = 0; word < packed->entry_words; ++word) {
        scatter_words(block, stream + weight_bytes + 4 * word, pitch);
        block += LANES;
    }
    const int8_t *next = mcucc_unpack_mve(packed->weights, (const int8_t *)block,
                                          LANES * packed->fields, packed->bits);
    place(packed->weights, stream, packed->places, packed->gathers, packed->fields, pitch);
    return (const uint32_t *)(const void *)next;
}
