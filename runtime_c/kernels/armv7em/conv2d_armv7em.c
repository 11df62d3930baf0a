#include "mcucc/conv2d_armv7em.h"

#include "mcucc/matrix_armv7em.h"
#include "mcucc/window.h"

/* A window's rows copied into scratch, the columns outside the input filled with its zero point. */
static void copy_window(const mcucc_conv2d_armv7em_params *params, const int8_t *const *rows,
                        int32_t first, int32_t input_column, int8_t *copy)
{
    const int32_t channels = params->input_channels;
    for (int32_t row = 0; row < params->kernel_h; ++row) {
        for (int32_t tap = 0; tap < params->kernel_w; ++tap) {
            const int32_t column = first + tap * params->dilation_w;
            if (column >= 0 && column < params->input_width) {
                const int8_t *x = rows[row] + (column - input_column) * channels;
                memcpy(copy, x, (size_t)channels);
            } else {
                memset(copy, params->input_zero_point, (size_t)channels);
            }
            copy += channels;
        }
    }
}

/* The runs of a window. The fields are read by assembly: their order is fixed. */
typedef struct {
    int32_t count;
    int32_t chunks; /* full ones of a run */
    int32_t left;   /* inputs of a run beyond them */
    int8_t *tail;   /* where those go */
} window_runs;

/* Widen the full chunks of runs[i] + offset, collect what is left over; returns the next chunk. */
#if MCUCC_DSP

__attribute__((naked)) static uint32_t *widen_runs(
    const int8_t *const *runs __attribute__((unused)), int32_t offset __attribute__((unused)),
    uint32_t *pixel __attribute__((unused)), const window_runs *shape __attribute__((unused)))
{
    __asm__("push {r4-r11, lr}\n"
            "ldmia r3, {r4, r5, r6, r7}\n"
            "1:\n"
            "ldr r8, [r0], #4\n"
            "movs r9, r5\n"
            "add r8, r8, r1\n"
            "beq 3f\n"
            "2:\n"
            "ldr r10, [r8], #4\n"
            "subs r9, r9, #1\n"
            "sxtb16 r11, r10, ror #8\n"
            "sxtb16 r10, r10\n"
            "strd r10, r11, [r2], #16\n"
            "bne 2b\n"
            "3:\n"
            "movs r9, r6\n"
            "beq 5f\n"
            "4:\n"
            "ldrb r10, [r8], #1\n"
            "subs r9, r9, #1\n"
            "strb r10, [r7], #1\n"
            "bne 4b\n"
            "5:\n"
            "subs r4, r4, #1\n"
            "bne 1b\n"
            "mov r0, r2\n"
            "pop {r4-r11, pc}\n"                 );
}

#else

static uint32_t *widen_runs(const int8_t *const *runs, int32_t offset, uint32_t *pixel,
                            const window_runs *shape)
{
    int8_t *tail = shape->tail;
    for (int32_t run = 0; run < shape->count; ++run) {
        const int8_t *x = runs[run] + offset;
        pixel = mcucc_widen(pixel, x, shape->chunks);
        memcpy(tail, x + 4 * shape->chunks, (size_t)shape->left);
        tail += shape->left;
    }
    return pixel;
}

#endif

/* Widen a window: the chunks of all runs, then what is left over of each. Its rows are at
 * rows[0..kernel_h) + offset, runs `step` bytes apart. */
static void widen_window(const mcucc_conv2d_armv7em_params *params, const int8_t *const *rows,
                         int32_t offset, int32_t step, uint32_t *pixel)
{
    int8_t tail[MCUCC_CONV2D_MAX_TAIL];
    const uint32_t run = (uint32_t)params->run;
    const window_runs shape = {params->kernel_h * params->runs, (int32_t)(run / 4),
                               (int32_t)(run % 4), tail};
    if (params->runs == 1) {
        pixel = widen_runs(rows, offset, pixel, &shape);
    } else {
        const int8_t *runs[MCUCC_CONV2D_MAX_RUNS];
        for (int32_t i = 0; i < shape.count; ++i) {
            runs[i] = rows[i / params->runs] + i % params->runs * step;
        }
        pixel = widen_runs(runs, offset, pixel, &shape);
    }
    if (shape.left > 0) {
        mcucc_widen_all(pixel, tail, shape.count * shape.left);
    }
}

/* Widen the window of one output column, wherever it lies. */
static void widen_column(const mcucc_conv2d_armv7em_params *params,
                               const int8_t *const *rows, int32_t column, int32_t inside,
                               const mcucc_span *span, uint32_t *pixel)
{
    const int32_t channels = params->input_channels;
    const int32_t first = column * params->stride_w - params->pad_left;
    if (inside) {
        const int32_t offset = (first - span->input_column) * channels;
        widen_window(params, rows, offset, params->dilation_w * channels, pixel);
    } else {
        uint32_t *const pixels = (uint32_t *)span->scratch;
        int8_t *const copy = (int8_t *)(pixels + MCUCC_CHUNK_WORDS * params->chunks);
        const int8_t *copies[MCUCC_CONV2D_MAX_RUNS];
        copy_window(params, rows, first, span->input_column, copy);
        for (int32_t row = 0; row < params->kernel_h; ++row) {
            copies[row] = copy + row * params->kernel_w * channels;
        }
        widen_window(params, copies, 0, channels, pixel);
    }
}

MCUCC_INLINE void conv2d(const mcucc_conv2d_armv7em_params *params, const int8_t *const *rows,
                         int8_t *out, const mcucc_span *span, mcucc_form form)
{
    const mcucc_range inside = mcucc_interior(span, params->kernel_w, params->stride_w,
                                              params->dilation_w, params->pad_left,
                                              params->input_width);
    uint32_t *const pixels = (uint32_t *)span->scratch;
    mcucc_matrix matrix = {
        pixels, params->stream, out, out, params->output_channels, params->output_zero_point,
        params->chunks,
    };
    const int32_t columns = span->end - span->begin;
    int8_t *const start = out;
    int32_t column = span->begin;

    while (column < span->end) {
        const int32_t two = column + 1 < span->end;
        for (int32_t i = 0; i <= two; ++i) {
            const int32_t here = column + i;
            widen_column(params, rows, here, here >= inside.begin && here < inside.end, span,
                         pixels + 2 * i);
        }
        matrix.p = out;
        matrix.q = out + params->output_channels;
        mcucc_matrix_run(&matrix, two, form);
        column += 1 + two;
        out += (1 + two) * params->output_channels;
    }
    mcucc_clamp_bytes(start, columns * params->output_channels, params->lo, params->hi);
}

void mcucc_conv2d_armv7em_high(const mcucc_conv2d_armv7em_params *params,
                               const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FORM_HIGH);
}

void mcucc_conv2d_armv7em_shift(const mcucc_conv2d_armv7em_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FORM_SHIFT);
}

void mcucc_conv2d_armv7em_double(const mcucc_conv2d_armv7em_params *params,
                                 const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    conv2d(params, rows, out, span, MCUCC_FORM_DOUBLE);
}
