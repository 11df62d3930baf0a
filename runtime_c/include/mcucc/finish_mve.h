/* The end of every accumulating kernel on Helium: from four int32 sums to four int8 outputs.
 *
 * Each channel has an entry of words, in the order in which the assembly reads them:
 *     doubling  bias, multiplier             y = round((sum + bias) * multiplier * 2^-31)
 *     shift     bias, multiplier, -count     high = floor((sum + bias) * multiplier * 2^-31),
 *                                            y = round(high * 2^-count)
 *     wide      bias, multiplier, -count     shift, of the sum times 2^8: factors up to 128
 *     double    bias, multiplier, -count     LiteRT's two roundings: high is rounded, y is rounded
 *                                            half away from zero
 * then the output's zero point is added and the result saturated to int8. The compiler proves
 * which form gives the contract's bytes (mcucc/kernels/requantize.py).
 */
#ifndef MCUCC_FINISH_MVE_H
#define MCUCC_FINISH_MVE_H

#include "mcucc/mve.h"

/* The names end as the functions' do. */
typedef enum {
    MCUCC_FORM_MVE_doubling,
    MCUCC_FORM_MVE_shift,
    MCUCC_FORM_MVE_wide,
    MCUCC_FORM_MVE_double
} mcucc_form_mve;

/* Words of an entry. */
MCUCC_INLINE int32_t mcucc_entry_words(mcucc_form_mve form)
{
    return form == MCUCC_FORM_MVE_doubling ? 2 : 3;
}

/* The sums in r2, r4, r6, r8 as a vector; lanes of int32 to int8 in the low byte of each. */
/* clang-format off */
#define MCUCC_MVE_SUMS                \
    "vmov d0, r2, r4             \n"  \
    "vmov d1, r6, r8             \n"
#define MCUCC_MVE_SATURATE            \
    "vqadd.s32 q0, q0, q6        \n"  \
    "vqmovnb.s32 q0, q0          \n"  \
    "vqmovnb.s16 q0, q0          \n"

/* Four pixels of one channel in q0, whose entry was loaded into the registers named: the outputs
 * are left in the low bytes of q0's lanes. q6 holds the zero point; q5 is changed. */
#define MCUCC_MVE_SCALE_doubling(bias, multiplier, count) \
    "vadd.i32 q0, q0, " bias "            \n"  \
    "vqrdmulh.s32 q0, q0, " multiplier "  \n"  \
    MCUCC_MVE_SATURATE
#define MCUCC_MVE_SCALE_shift(bias, multiplier, count) \
    "vadd.i32 q0, q0, " bias "            \n"  \
    "vqdmulh.s32 q0, q0, " multiplier "   \n"  \
    "vrshl.s32 q0, " count "              \n"  \
    MCUCC_MVE_SATURATE
#define MCUCC_MVE_SCALE_wide(bias, multiplier, count) \
    "vadd.i32 q0, q0, " bias "            \n"  \
    "vqshl.s32 q0, q0, #8                 \n"  \
    "vqdmulh.s32 q0, q0, " multiplier "   \n"  \
    "vrshl.s32 q0, " count "              \n"  \
    MCUCC_MVE_SATURATE
#define MCUCC_MVE_SCALE_double(bias, multiplier, count) \
    "vadd.i32 q0, q0, " bias "            \n"  \
    "vqrdmulh.s32 q0, q0, " multiplier "  \n"  \
    "vshr.s32 q5, q0, #31                 \n"  \
    "vadd.i32 q0, q0, q5                  \n"  \
    "vrshl.s32 q0, " count "              \n"  \
    MCUCC_MVE_SATURATE

/* The registers of an entry. */
#define MCUCC_MVE_ENTRY_doubling(bias, multiplier, count) "{" bias ", " multiplier "}"
#define MCUCC_MVE_ENTRY_shift(bias, multiplier, count) \
    "{" bias ", " multiplier ", " count "}"
#define MCUCC_MVE_ENTRY_wide(bias, multiplier, count) \
    "{" bias ", " multiplier ", " count "}"
#define MCUCC_MVE_ENTRY_double(bias, multiplier, count) \
    "{" bias ", " multiplier ", " count "}"

/* Four channels of one pixel: the lanes of q4 are the addresses of the last four channels' entries
 * and move on to the next four. q1, q2 and q5 are changed. */
#define MCUCC_MVE_CHANNELS_doubling   \
    MCUCC_MVE_SUMS                    \
    "vldrw.u32 q1, [q4, #32]!     \n" \
    "vldrw.u32 q2, [q4, #4]       \n" \
    "vadd.i32 q0, q0, q1          \n" \
    "vqrdmulh.s32 q0, q0, q2      \n" \
    MCUCC_MVE_SATURATE
#define MCUCC_MVE_CHANNELS_shift      \
    MCUCC_MVE_SUMS                    \
    "vldrw.u32 q1, [q4, #48]!     \n" \
    "vldrw.u32 q2, [q4, #4]       \n" \
    "vadd.i32 q0, q0, q1          \n" \
    "vldrw.u32 q1, [q4, #8]       \n" \
    "vqdmulh.s32 q0, q0, q2       \n" \
    "vrshl.s32 q0, q0, q1         \n" \
    MCUCC_MVE_SATURATE
#define MCUCC_MVE_CHANNELS_wide       \
    MCUCC_MVE_SUMS                    \
    "vldrw.u32 q1, [q4, #48]!     \n" \
    "vldrw.u32 q2, [q4, #4]       \n" \
    "vadd.i32 q0, q0, q1          \n" \
    "vldrw.u32 q1, [q4, #8]       \n" \
    "vqshl.s32 q0, q0, #8         \n" \
    "vqdmulh.s32 q0, q0, q2       \n" \
    "vrshl.s32 q0, q0, q1         \n" \
    MCUCC_MVE_SATURATE
#define MCUCC_MVE_CHANNELS_double     \
    MCUCC_MVE_SUMS                    \
    "vldrw.u32 q1, [q4, #48]!     \n" \
    "vldrw.u32 q2, [q4, #4]       \n" \
    "vadd.i32 q0, q0, q1          \n" \
    "vldrw.u32 q1, [q4, #8]       \n" \
    "vqrdmulh.s32 q0, q0, q2      \n" \
    "vshr.s32 q5, q0, #31         \n" \
    "vadd.i32 q0, q0, q5          \n" \
    "vrshl.s32 q0, q0, q1         \n" \
    MCUCC_MVE_SATURATE
/* clang-format on */

/* The same of one sum, in C. */
MCUCC_INLINE int8_t mcucc_finish_mve(int32_t sum, const int32_t *entry, int32_t zero_point,
                                     mcucc_form_mve form)
{
    int64_t value = sum + entry[0];
    if (form == MCUCC_FORM_MVE_wide) {
        value *= 256;
        value = value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : value;
    }
    value *= entry[1];
    if (form == MCUCC_FORM_MVE_doubling || form == MCUCC_FORM_MVE_double) {
        value += INT64_C(1) << 30;
    }
    value >>= 31;
    if (form == MCUCC_FORM_MVE_double) {
        value += value >> 63;
    }
    if (form != MCUCC_FORM_MVE_doubling) {
        const int32_t count = -entry[2];
        value = (value + (INT64_C(1) << (count - 1))) >> count;
    }
    value += zero_point;
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

#endif
