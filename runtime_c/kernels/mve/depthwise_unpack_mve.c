#include "mcucc/depthwise_unpack_mve.h"

#include "mcucc/mve.h"

#define LANES 16

/* One word of 16 channels' entries, `pitch` bytes apart. */
static void scatter_words(const uint32_t *from, int8_t *to, int32_t pitch)
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

/* A tap of 16 channels: the highest bits of bytes shifted up; `to` is of the first, `high` of the
 * ninth channel. */
#if MCUCC_MVE

/* clang-format off */
#define TAP(up, mask)                                   \
    __asm volatile("vldrh.u16 q2, [%[offsets]]     \n"  \
                   "vldrb.u16 q0, [%[from]]        \n"  \
                   "vldrb.u16 q1, [%[from], #8]    \n"  \
                   "vshl.i16 q0, q0, #" up "       \n"  \
                   "vshl.i16 q1, q1, #" up "       \n"  \
                   "vbic.i16 q0, #" mask "         \n"  \
                   "vbic.i16 q1, #" mask "         \n"  \
                   "vstrb.16 q0, [%[to], q2]       \n"  \
                   "vstrb.16 q1, [%[high], q2]     \n"  \
                   :                                    \
                   : [offsets] "r"(offsets), [from] "l"(from), [to] "r"(to), [high] "r"(high) \
                   : "q0", "q1", "q2", "memory")
/* clang-format on */

static void scatter_tap(const uint8_t *from, int8_t *to, int32_t pitch, const uint16_t *offsets,
                        int32_t up, int32_t bits)
{
    int8_t *const high = to + LANES / 2 * pitch;
    if (bits == 4 && up > 0) {
        TAP("4", "0x0f");
    } else if (bits == 4) {
        TAP("0", "0x0f");
    } else if (up == 6) {
        TAP("6", "0x3f");
    } else if (up == 4) {
        TAP("4", "0x3f");
    } else if (up == 2) {
        TAP("2", "0x3f");
    } else {
        TAP("0", "0x3f");
    }
}

#else

static void scatter_tap(const uint8_t *from, int8_t *to, int32_t pitch, const uint16_t *offsets,
                        int32_t up, int32_t bits)
{
    const uint32_t mask = UINT32_C(0xff) >> bits ^ UINT32_C(0xff);
    (void)offsets;
    for (int32_t lane = 0; lane < LANES; ++lane) {
        to[lane * pitch] = (int8_t)(uint8_t)((uint32_t)from[lane] << up & mask);
    }
}

#endif

const uint32_t *mcucc_depthwise_unpack_mve(const mcucc_depthwise_packed *packed,
                                           const uint32_t *block)
{
    const int32_t weight_bytes = MCUCC_VECTOR * packed->gathers;
    const int32_t pitch = weight_bytes + packed->entry_words * (int32_t)sizeof *block;
    const int32_t first = 8 - packed->bits;
    int8_t *const bytes = (int8_t *)packed->stream;
    uint16_t offsets[LANES / 2];
    for (int32_t i = 0; i < LANES / 2; ++i) {
        offsets[i] = (uint16_t)(i * pitch);
    }
    for (int32_t word = 0; word < packed->entry_words; ++word) {
        scatter_words(block, bytes + weight_bytes + 4 * word, pitch);
        block += LANES;
    }
    const uint8_t *from = (const uint8_t *)block;
    int32_t up = first;
    for (int32_t row = 0; row < packed->kernel_h; ++row) {
        int8_t *to = bytes + row / 4 * packed->kernel_w * 4 + row % 4;
        for (int32_t column = 0; column < packed->kernel_w; ++column) {
            scatter_tap(from, to, pitch, offsets, up, packed->bits);
            to += 4;
            up -= packed->bits;
            if (up < 0) {
                up = first;
                from += LANES;
            }
        }
    }
    return block + ((from - (const uint8_t *)block) + (up < first ? LANES : 0)) / 4;
}
