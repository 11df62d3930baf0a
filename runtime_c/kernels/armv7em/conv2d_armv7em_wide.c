#include "mcucc/conv2d_armv7em_wide.h"

#include "mcucc/conv2d_window_armv7em.h"
#include "mcucc/matrix_wide_armv7em.h"

/* A window's rows copied into scratch, the columns outside the input filled with its zero point. */
MCUCC_CODE static void copy_wide_window(const mcucc_conv2d_armv7em_params *params,
                                        const int8_t *const *rows, int32_t first,
                                        int32_t input_column, int16_t *copy)
{
    const int32_t channels = params->input_channels;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        for (int32_t tap = 0; tap < params->kernel_w; ++tap) {
            const int32_t column = first + tap * params->dilation_w;
            if (column >= 0 && column < params->input_width) {
                const int32_t at = (column - input_column) * channels;
                memcpy(copy, mcucc_at(rows[row], at, MCUCC_S16), sizeof *copy * (size_t)channels);
            } else {
                for (int32_t i = 0; i < channels; ++i) {
                    copy[i] = (int16_t)params->input_zero_point;
                }
            }
            copy += channels;
        }
    }
}

/* Copy the full chunks of runs[i] + offset, collect what is left over; returns the next chunk. The
 * shape counts values, its tail holds int16. */
#if MCUCC_DSP_UNALIGNED

/* clang-format off */
MCUCC_ASSEMBLY_LOCAL(uint32_t *, copy_runs,
    (const int8_t *const *runs MCUCC_UNUSED, int32_t offset MCUCC_UNUSED,
     uint32_t *pixel MCUCC_UNUSED, const window_runs *shape MCUCC_UNUSED),
    "push {r4-r11, lr}\n"
    "ldmia r3, {r4, r5, r6, r7}\n"
    "1:\n"
    "ldr r8, [r0], #4\n"
    "movs r9, r5\n"
    "add r8, r8, r1\n"
    "beq 3f\n"
    "2:\n"
    "ldr r10, [r8], #4\n"
    "ldr r11, [r8], #4\n"
    "subs r9, r9, #1\n"
    "strd r10, r11, [r2], #16\n"
    "bne 2b\n"
    "3:\n"
    "movs r9, r6\n"
    "beq 5f\n"
    "4:\n"
    "ldrh r10, [r8], #2\n"
    "subs r9, r9, #1\n"
    "strh r10, [r7], #2\n"
    "bne 4b\n"
    "5:\n"
    "subs r4, r4, #1\n"
    "bne 1b\n"
    "mov r0, r2\n"
    "pop {r4-r11, pc}\n")
/* clang-format on */

#else

MCUCC_CODE static uint32_t *copy_runs(const int8_t *const *runs, int32_t offset, uint32_t *pixel,
                                      const window_runs *shape)
{
    int8_t *tail = shape->tail;
    const int32_t left = shape->left * (int32_t)sizeof(int16_t);
    for (int32_t run = 0; run < shape->count; ++run) {
        const int16_t *const x = (const int16_t *)(const void *)(runs[run] + offset);
        pixel = mcucc_copy_chunks(pixel, x, shape->chunks);
        memcpy(tail, x + 4 * shape->chunks, (size_t)left);
        tail += left;
    }
    return pixel;
}

#endif

/* The chunks of the window at input column `first`: those of all runs, then what is left over. */
MCUCC_CODE static void wide_window(const mcucc_conv2d_armv7em_params *params,
                                   const int8_t *const *rows, int32_t first, int32_t inside,
                                   const mcucc_span *span, uint32_t *pixel)
{
    int16_t tail[MCUCC_CONV2D_MAX_TAIL];
    const window_runs shape = {params->kernel_h * params->runs, params->run / 4, params->run % 4,
                               (int8_t *)(void *)tail};
    const int32_t pixel_bytes = params->input_channels * (int32_t)sizeof(int16_t);
    const int32_t offset = (first - span->input_column) * pixel_bytes;
    const int8_t *runs[MCUCC_CONV2D_MAX_RUNS];
    int16_t *const copy =
        (int16_t *)(void *)((uint32_t *)span->scratch + MCUCC_CHUNK_WORDS * params->chunks);

    if (inside && params->runs == 1) {
        pixel = copy_runs(rows, offset, pixel, &shape);
    } else {
        if (!inside) {
            copy_wide_window(params, rows, first, span->input_column, copy);
        }
        for (int32_t i = 0; i < shape.count; ++i) {
            const int32_t tap = i % params->runs * params->dilation_w;
            runs[i] = inside ? rows[i / params->runs] + offset + tap * pixel_bytes
                             : (const int8_t *)(const void *)(copy + i * params->run);
        }
        pixel = copy_runs(runs, 0, pixel, &shape);
    }
    mcucc_copy_all(pixel, tail, shape.count * shape.left);
}

/* The same of int8, widened. */
MCUCC_CODE static void narrow_window(const mcucc_conv2d_armv7em_params *params,
                                     const int8_t *const *rows, int32_t first, int32_t inside,
                                     const mcucc_span *span, uint32_t *pixel)
{
    int8_t tail[MCUCC_CONV2D_MAX_TAIL];
    const window_runs shape = {params->kernel_h * params->runs, params->run / 4, params->run % 4,
                               tail};
    if (inside && params->runs == 1) {
        const int32_t offset = (first - span->input_column) * params->input_channels;
        widen_window(&shape, rows, offset, pixel);
    } else {
        widen_hard(params, &shape, rows, first, inside, span, pixel);
    }
}

MCUCC_INLINE void conv2d(const mcucc_conv2d_armv7em_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span, mcucc_element input,
                         mcucc_element output, mcucc_form form)
{
    const mcucc_range inside =
        mcucc_interior(span, params->kernel_w, params->stride_w, params->dilation_w,
                       params->pad_left, params->input_width);
    const int32_t outputs = params->output_channels;
    uint32_t *const pixels = (uint32_t *)span->scratch;
    mcucc_matrix matrix = {
        pixels, params->stream, out, out, outputs, params->output_zero_point, params->chunks,
    };

    for (int32_t column = span->begin; column < span->end; column += 2) {
        const int32_t two = column + 1 < span->end;
        for (int32_t i = 0; i <= two; ++i) {
            const int32_t here = column + i;
            const int32_t first = here * params->stride_w - params->pad_left;
            const int32_t within = here >= inside.begin && here < inside.end;
            (input == MCUCC_S8 ? narrow_window : wide_window)(params, rows, first, within, span,
                                                              pixels + 2 * i);
        }
        matrix.q = mcucc_at_out(matrix.p, outputs, output);
        mcucc_matrix_run_wide(&matrix, two, params->wide, form, output);
        matrix.p = mcucc_at_out(matrix.q, outputs, output);
    }
    mcucc_clamp_values(out, (span->end - span->begin) * outputs, params->lo, params->hi, output);
}

#define CONV2D(types, input, output, form, FORM)                                                \
    MCUCC_CODE void mcucc_conv2d_armv7em_##types##_##form(                                      \
        const mcucc_conv2d_armv7em_wide_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                                 \
    {                                                                                           \
        conv2d(params, rows, out, span, input, output, FORM);                                   \
    }
#define FORMS(types, input, output)                     \
    CONV2D(types, input, output, high, MCUCC_FORM_HIGH) \
    CONV2D(types, input, output, shift, MCUCC_FORM_SHIFT)

FORMS(s8_s16, MCUCC_S8, MCUCC_S16)
FORMS(s16_s8, MCUCC_S16, MCUCC_S8)
FORMS(s16_s16, MCUCC_S16, MCUCC_S16)
