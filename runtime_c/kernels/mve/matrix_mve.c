#include "mcucc/matrix_mve.h"

/* Four pixels, or four channels of one, at work. The assembly reads the fields in this order:
 * where a comment names a register, the field is loaded into it. */
typedef struct {
    const int8_t *four[4]; /* r3, r5, r7, r9: inputs of the pixels, or weights of the channels */
    const int8_t *one;     /* r0: the weights, or the pixel's inputs */
    const int32_t *finish; /* r1 */
    int32_t count;         /* r4: channels, or fours of channels */
    int32_t zero_point;    /* r6 */
    int32_t tail;          /* r8: taps of the last vector */
    int8_t *out;           /* r10 */
    int32_t advance;       /* r11: what walks the vectors of a row is then short of the next */
    int32_t turns;         /* r12: of the loop over the taps */
    uint32_t offsets[4];   /* q7: from `out` to the four outputs */
    uint32_t entries[4];   /* q4: from `finish` to the entries of four channels */
    int32_t taps;
} four_at_work;

typedef void (*core)(const four_at_work *work);

#if MCUCC_MVE

/* clang-format off */
#define SAVE                         \
    "push {r4-r11, lr}           \n" \
    "vpush {d8-d15}              \n"
#define RESTORE                      \
    "vpop {d8-d15}               \n" \
    "pop {r4-r11, pc}            \n"
#define LOAD_FIELDS                  \
    "vldrw.u32 q7, [r0, #48]     \n" \
    "vldrw.u32 q4, [r0, #64]     \n" \
    "ldmia r0!, {r3, r5, r7, r9} \n" \
    "ldmia r0, {r0, r1, r4, r6, r8, r10, r11, r12} \n" \
    "vdup.32 q6, r6              \n"

/* A weight vector at `w` and the four pixels' inputs at offset `at`: the first of the taps, any in
 * the middle, and the last, whose inputs are masked by the predicate. q0 weights, q1-q4 inputs. */
#define FIRST(at)                            \
    "vldrb.8 q0, [r0" at "]              \n" \
    "vldrb.8 q1, [r3" at "]              \n" \
    "vmlav.s8 r2, q0, q1                 \n" \
    "vldrb.8 q1, [r5" at "]              \n" \
    "vmlav.s8 r4, q0, q1                 \n" \
    "vldrb.8 q1, [r7" at "]              \n" \
    "vmlav.s8 r6, q0, q1                 \n" \
    "vldrb.8 q1, [r9" at "]              \n" \
    "vmlav.s8 r8, q0, q1                 \n"
#define MIDDLE(at, step)                     \
    "vldrb.8 q0, [r0" at "]" step "      \n" \
    "vldrb.8 q1, [r3" at "]" step "      \n" \
    "vmlava.s8 r2, q0, q1                \n" \
    "vldrb.8 q1, [r5" at "]" step "      \n" \
    "vmlava.s8 r4, q0, q1                \n" \
    "vldrb.8 q1, [r7" at "]" step "      \n" \
    "vmlava.s8 r6, q0, q1                \n" \
    "vldrb.8 q1, [r9" at "]" step "      \n" \
    "vmlava.s8 r8, q0, q1                \n"
#define LAST(at)                             \
    "vldrb.8 q0, [r0" at "]              \n" \
    "vpstttt                             \n" \
    "vldrbt.8 q1, [r3" at "]             \n" \
    "vldrbt.8 q2, [r5" at "]             \n" \
    "vldrbt.8 q3, [r7" at "]             \n" \
    "vldrbt.8 q4, [r9" at "]             \n" \
    "vmlava.s8 r2, q0, q1                \n" \
    "vmlava.s8 r4, q0, q2                \n" \
    "vmlava.s8 r6, q0, q3                \n" \
    "vmlava.s8 r8, q0, q4                \n"
/* The sums of a channel to outputs: the entry at r1 takes the place of the sums. */
#define FINISH(form)                                                    \
    MCUCC_MVE_SUMS                                                      \
    "ldmia r1!, " MCUCC_MVE_ENTRY_##form("r2", "r4", "r6") "\n"         \
    MCUCC_MVE_SCALE_##form("r2", "r4", "r6")                            \
    STORE_PIXELS
#define STORE_PIXELS                         \
    "vstrb.32 q0, [r10, q7]              \n" \
    "add r10, r10, #1                    \n"

/* Up to 16 taps: the inputs stay in q1-q4. */
#define PIXELS_1(form)                                                                   \
    MCUCC_ASSEMBLY_LOCAL(void, pixels_1_##form, (const four_at_work *work MCUCC_UNUSED), \
        SAVE LOAD_FIELDS                                                                 \
        "vctp.8 r8                   \n"                                                 \
        "vpstttt                     \n"                                                 \
        "vldrbt.8 q1, [r3]           \n"                                                 \
        "vldrbt.8 q2, [r5]           \n"                                                 \
        "vldrbt.8 q3, [r7]           \n"                                                 \
        "vldrbt.8 q4, [r9]           \n"                                                 \
        "dls lr, r4                  \n"                                                 \
        "1:                          \n"                                                 \
        "vldrb.8 q0, [r0]            \n"                                                 \
        "add r0, r0, r11             \n"                                                 \
        "vmlav.s8 r2, q0, q1         \n"                                                 \
        "vmlav.s8 r4, q0, q2         \n"                                                 \
        "vmlav.s8 r6, q0, q3         \n"                                                 \
        "vmlav.s8 r8, q0, q4         \n"                                                 \
        FINISH(form)                                                                     \
        "le lr, 1b                   \n"                                                 \
        RESTORE)

/* 17 to 64 taps in 2, 3 or 4 vectors, without a loop. */
#define PIXELS_FEW(vectors, form, taps)                   \
    MCUCC_ASSEMBLY_LOCAL(void, pixels_##vectors##_##form, \
        (const four_at_work *work MCUCC_UNUSED),          \
        SAVE LOAD_FIELDS                                  \
        "vctp.8 r8                   \n"                  \
        "dls lr, r4                  \n"                  \
        "1:                          \n"                  \
        taps                                              \
        "add r0, r0, r11             \n"                  \
        FINISH(form)                                      \
        "le lr, 1b                   \n"                  \
        RESTORE)
#define TAPS_2 FIRST("") LAST(", #16")
#define TAPS_3 FIRST("") MIDDLE(", #16", "") LAST(", #32")
#define TAPS_4 FIRST("") MIDDLE(", #16", "") MIDDLE(", #32", "") LAST(", #48")

/* More taps: the first vector, a loop over pairs of them, the one or two that are left. Four words
 * on the stack are the inputs, to begin again with each channel; r8 holds the loop's turns, which
 * are at least one. lr counts inside, r12 outside. */
#define PIXELS_MANY(name, form, left)                                                           \
    MCUCC_ASSEMBLY_LOCAL(void, pixels_##name##_##form, (const four_at_work *work MCUCC_UNUSED), \
        SAVE LOAD_FIELDS                                                                        \
        "vctp.8 r8                   \n"                                                        \
        "push {r3, r5, r7, r9, r12}  \n"                                                        \
        "mov r12, r4                 \n"                                                        \
        "1:                          \n"                                                        \
        "ldr lr, [sp, #16]           \n"                                                        \
        FIRST("")                                                                               \
        "dls lr, lr                  \n"                                                        \
        "2:                          \n"                                                        \
        MIDDLE(", #16", "")                                                                     \
        MIDDLE(", #32", "!")                                                                    \
        "le lr, 2b                   \n"                                                        \
        left                                                                                    \
        "add r0, r0, r11             \n"                                                        \
        "ldmia sp, {r3, r5, r7, r9}  \n"                                                        \
        FINISH(form)                                                                            \
        "subs r12, r12, #1           \n"                                                        \
        "bne 1b                      \n"                                                        \
        "add sp, sp, #20             \n"                                                        \
        RESTORE)

/* Four channels of one pixel: r0 the inputs, r3, r5, r7, r9 the weights. */
#define CHANNELS(form)                                                                   \
    MCUCC_ASSEMBLY_LOCAL(void, channels_##form, (const four_at_work *work MCUCC_UNUSED), \
        SAVE LOAD_FIELDS                                                                 \
        "push {r0, r4}               \n"                                                 \
        "vadd.i32 q4, q4, r1         \n"                                                 \
        "mov r1, r4                  \n"                                                 \
        "1:                          \n"                                                 \
        "movs r2, #0                 \n"                                                 \
        "movs r4, #0                 \n"                                                 \
        "movs r6, #0                 \n"                                                 \
        "mov r8, #0                  \n"                                                 \
        "dlstp.8 lr, r12             \n"                                                 \
        "2:                          \n"                                                 \
        "vldrb.8 q0, [r0], #16       \n"                                                 \
        "vldrb.8 q1, [r3], #16       \n"                                                 \
        "vmlava.s8 r2, q0, q1        \n"                                                 \
        "vldrb.8 q1, [r5], #16       \n"                                                 \
        "vmlava.s8 r4, q0, q1        \n"                                                 \
        "vldrb.8 q1, [r7], #16       \n"                                                 \
        "vmlava.s8 r6, q0, q1        \n"                                                 \
        "vldrb.8 q1, [r9], #16       \n"                                                 \
        "vmlava.s8 r8, q0, q1        \n"                                                 \
        "letp lr, 2b                 \n"                                                 \
        MCUCC_MVE_CHANNELS_##form                                                        \
        "vstrb.32 q0, [r10, q7]      \n"                                                 \
        "ldr r0, [sp]                \n"                                                 \
        "add r3, r3, r11             \n"                                                 \
        "add r5, r5, r11             \n"                                                 \
        "add r7, r7, r11             \n"                                                 \
        "add r9, r9, r11             \n"                                                 \
        "add r10, r10, #4            \n"                                                 \
        "subs r1, r1, #1             \n"                                                 \
        "bne 1b                      \n"                                                 \
        "add sp, sp, #8              \n"                                                 \
        RESTORE)

/* The same with up to 16 taps: the inputs stay in q3, masked by the predicate. */
#define CHANNELS_1(form)                                                                   \
    MCUCC_ASSEMBLY_LOCAL(void, channels_1_##form, (const four_at_work *work MCUCC_UNUSED), \
        SAVE LOAD_FIELDS                                                                   \
        "vadd.i32 q4, q4, r1         \n"                                                   \
        "vctp.8 r12                  \n"                                                   \
        "vpst                        \n"                                                   \
        "vldrbt.8 q3, [r0]           \n"                                                   \
        "dls lr, r4                  \n"                                                   \
        "1:                          \n"                                                   \
        "vldrb.8 q0, [r3]            \n"                                                   \
        "add r3, r3, r11             \n"                                                   \
        "vmlav.s8 r2, q0, q3         \n"                                                   \
        "vldrb.8 q0, [r5]            \n"                                                   \
        "add r5, r5, r11             \n"                                                   \
        "vmlav.s8 r4, q0, q3         \n"                                                   \
        "vldrb.8 q0, [r7]            \n"                                                   \
        "add r7, r7, r11             \n"                                                   \
        "vmlav.s8 r6, q0, q3         \n"                                                   \
        "vldrb.8 q0, [r9]            \n"                                                   \
        "add r9, r9, r11             \n"                                                   \
        "vmlav.s8 r8, q0, q3         \n"                                                   \
        MCUCC_MVE_CHANNELS_##form                                                          \
        "vstrb.32 q0, [r10, q7]      \n"                                                   \
        "add r10, r10, #4            \n"                                                   \
        "le lr, 1b                   \n"                                                   \
        RESTORE)
/* clang-format on */

#define CORES(form)                                                                \
    PIXELS_1(form)                                                                 \
    PIXELS_FEW(2, form, TAPS_2)                                                    \
    PIXELS_FEW(3, form, TAPS_3)                                                    \
    PIXELS_FEW(4, form, TAPS_4)                                                    \
    PIXELS_MANY(odd, form, MIDDLE(", #16", "") LAST(", #32"))                      \
    PIXELS_MANY(even, form, LAST(", #16"))                                         \
    CHANNELS(form)                                                                 \
    CHANNELS_1(form)                                                               \
    static const core cores_##form[] = {                                           \
        pixels_1_##form,   pixels_2_##form,    pixels_3_##form, pixels_4_##form,   \
        pixels_odd_##form, pixels_even_##form, channels_##form, channels_1_##form, \
    };

#else

MCUCC_CODE static int32_t dot(const int8_t *a, const int8_t *b, int32_t count)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

#define CORES(form)                                                                                \
    MCUCC_CODE static void pixels_##form(const four_at_work *work)                                 \
    {                                                                                              \
        const int32_t words = mcucc_entry_words(MCUCC_FORM_MVE_##form);                            \
        for (int32_t channel = 0; channel < work->count; ++channel) {                              \
            for (int32_t i = 0; i < 4; ++i) {                                                      \
                const int8_t *weights = work->one + channel * work->taps;                          \
                const int32_t sum = dot(work->four[i], weights, work->taps);                       \
                const int32_t *entry = work->finish + channel * words;                             \
                work->out[(int32_t)work->offsets[i] + channel] =                                   \
                    mcucc_finish_mve(sum, entry, work->zero_point, MCUCC_FORM_MVE_##form);         \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    MCUCC_CODE static void channels_##form(const four_at_work *work)                               \
    {                                                                                              \
        const int32_t words = mcucc_entry_words(MCUCC_FORM_MVE_##form);                            \
        for (int32_t turn = 0; turn < work->count; ++turn) {                                       \
            for (int32_t i = 0; i < 4; ++i) {                                                      \
                const int8_t *weights = work->four[i] + 4 * turn * work->taps;                     \
                const int32_t sum = dot(work->one, weights, work->taps);                           \
                const int32_t *entry = work->finish + 4 * (turn + 1) * words;                      \
                work->out[4 * turn + (int32_t)work->offsets[i]] =                                  \
                    mcucc_finish_mve(sum, entry + (int32_t)work->entries[i] / 4, work->zero_point, \
                                     MCUCC_FORM_MVE_##form);                                       \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static const core cores_##form[] = {                                                           \
        pixels_##form, pixels_##form, pixels_##form,   pixels_##form,                              \
        pixels_##form, pixels_##form, channels_##form, channels_##form,                            \
    };

#endif

enum { CORE_ODD = 4, CORE_EVEN = 5, CORE_CHANNELS = 6, CORE_CHANNELS_1 = 7 };

/* Whether the one to three pixels that are left go together, the last of them more than once. */
MCUCC_CODE static int32_t together(int32_t pixels, int32_t taps)
{
    return pixels == 3 || (pixels == 2 && taps <= 2 * MCUCC_VECTOR);
}

/* `count` fours of channels from `start` on, of one pixel. */
MCUCC_CODE static void fours_of_channels(const mcucc_matrix_mve *matrix, core channels,
                                         int32_t words, const int8_t *x, int8_t *out, int32_t start,
                                         int32_t count)
{
    const int32_t last = matrix->channels < 4 ? matrix->channels - 1 : 3;
    const int32_t vectors = (matrix->taps + MCUCC_VECTOR - 1) / MCUCC_VECTOR;
    four_at_work work;
    for (int32_t i = 0; i < 4; ++i) {
        const int32_t lane = i < last ? i : last;
        work.four[i] = matrix->weights + (start + lane) * matrix->taps;
        work.offsets[i] = (uint32_t)lane;
        work.entries[i] = (uint32_t)(4 * words * (start + lane) - 16 * words);
    }
    work.one = x;
    work.finish = matrix->finish;
    work.count = count;
    work.zero_point = matrix->zero_point;
    work.tail = 0;
    work.out = out + start;
    work.advance = 4 * matrix->taps - (vectors > 1 ? vectors * MCUCC_VECTOR : 0);
    work.turns = matrix->taps;
    work.taps = matrix->taps;
    channels(&work);
}

/* One pixel: fours of channels; the last four step back where their number is no multiple. */
MCUCC_CODE static void one_pixel(const mcucc_matrix_mve *matrix, core channels, int32_t words,
                                 const int8_t *x, int8_t *out)
{
    const int32_t fours = matrix->channels / 4;
    if (fours > 0) {
        fours_of_channels(matrix, channels, words, x, out, 0, fours);
    }
    if (matrix->channels % 4 > 0) {
        fours_of_channels(matrix, channels, words, x, out, fours > 0 ? matrix->channels - 4 : 0, 1);
    }
}

MCUCC_CODE static void run(const mcucc_matrix_mve *matrix, const core *cores, int32_t words,
                           const int8_t *x, int32_t step, int8_t *out, int32_t count)
{
    const int32_t vectors = (matrix->taps + MCUCC_VECTOR - 1) / MCUCC_VECTOR;
    const int32_t turns = vectors <= 4 ? 0 : (vectors - 2) / 2;
    const core pixels = cores[vectors <= 4 ? vectors - 1 : vectors % 2 ? CORE_ODD : CORE_EVEN];
    four_at_work work;
    work.one = matrix->weights;
    work.finish = matrix->finish;
    work.count = matrix->channels;
    work.zero_point = matrix->zero_point;
    work.tail = matrix->taps - (vectors - 1) * MCUCC_VECTOR;
    work.advance = matrix->taps - 2 * MCUCC_VECTOR * turns;
    work.turns = turns;
    work.taps = matrix->taps;
    while (count >= 4 || together(count, matrix->taps)) {
        const int32_t last = count < 4 ? count - 1 : 3;
        for (int32_t i = 0; i < 4; ++i) {
            const int32_t lane = i < last ? i : last;
            work.four[i] = x + lane * step;
            work.offsets[i] = (uint32_t)(lane * matrix->pitch);
        }
        work.out = out;
        pixels(&work);
        x += (last + 1) * step;
        out += (last + 1) * matrix->pitch;
        count -= last + 1;
    }
    for (; count > 0; --count) {
        one_pixel(matrix, cores[vectors > 1 ? CORE_CHANNELS : CORE_CHANNELS_1], words, x, out);
        x += step;
        out += matrix->pitch;
    }
}

#define ROW(form)                                                                                 \
    CORES(form)                                                                                   \
    MCUCC_CODE void mcucc_matrix_mve_##form(const mcucc_matrix_mve *matrix, const int8_t *x,      \
                                            int32_t step, int8_t *out, int32_t count)             \
    {                                                                                             \
        run(matrix, cores_##form, mcucc_entry_words(MCUCC_FORM_MVE_##form), x, step, out, count); \
    }

ROW(doubling)
ROW(shift)
ROW(wide)
ROW(double)
