#include "mcucc/conv2d_border_armv7em.h"

#include "mcucc/conv2d_window_armv7em.h"

MCUCC_INLINE void conv2d_border(const mcucc_conv2d_border_armv7em_params *params,
                                const int8_t *const *rows, int8_t *out, const mcucc_span *span,
                                int32_t bits, mcucc_form form)
{
    const mcucc_conv2d_armv7em_params *const layer = &params->layer;
    const mcucc_range inside =
        mcucc_interior(span, layer->kernel_w, layer->stride_w, layer->dilation_w, layer->pad_left,
                       layer->input_width);
    uint32_t *const pixel = (uint32_t *)span->scratch;
    mcucc_added_matrix added = {
        {pixel, layer->stream, out, out, layer->output_channels, layer->output_zero_point,
         layer->chunks},
        params->added,
    };
    int8_t tail[MCUCC_CONV2D_MAX_TAIL];
    const uint32_t run = (uint32_t)layer->run;
    const window_runs shape = {layer->kernel_h * layer->runs, (int32_t)(run / 4),
                               (int32_t)(run % 4), tail};

    mcucc_clear_last_chunk(pixel, layer->chunks, bits);
    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t first = column * layer->stride_w - layer->pad_left;
        const int32_t within = column >= inside.begin && column < inside.end;
        if (within && layer->runs == 1) {
            const int32_t offset = (first - span->input_column) * layer->input_channels;
            widen_window(&shape, rows, offset, pixel);
        } else {
            widen_hard(layer, &shape, rows, first, within, span, pixel);
        }
        mcucc_matrix_run_added_bits(&added, layer->wide, bits, form);
        added.matrix.p += layer->output_channels;
    }
    mcucc_clamp_bytes(out, (span->end - span->begin) * layer->output_channels, layer->lo,
                      layer->hi);
}

#define KERNEL(name, bits, form)                                                                  \
    MCUCC_CODE void mcucc_conv2d_border_armv7em_##name(                                           \
        const mcucc_conv2d_border_armv7em_params *params, const int8_t *const *rows, int8_t *out, \
        const mcucc_span *span)                                                                   \
    {                                                                                             \
        conv2d_border(params, rows, out, span, bits, form);                                       \
    }
#define FORMS(bits, prefix)                         \
    KERNEL(prefix##high, bits, MCUCC_FORM_HIGH)     \
    KERNEL(prefix##common, bits, MCUCC_FORM_COMMON) \
    KERNEL(prefix##shift, bits, MCUCC_FORM_SHIFT)   \
    KERNEL(prefix##double, bits, MCUCC_FORM_DOUBLE)

FORMS(8, )
FORMS(4, int4_)
FORMS(2, int2_)
