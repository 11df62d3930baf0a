#include "mcucc/max_pool_mve.h"

#include "mcucc/mve.h"
#include "mcucc/window.h"

#if MCUCC_MVE
#include <arm_mve.h>
#endif

/* One pixel, 16 channels at a time: `offset` is the byte of the first valid tap in every row. */
MCUCC_CODE static void pool(const mcucc_max_pool_mve_params *params, const int8_t *const *rows,
                            int8_t *out, int32_t offset, int32_t taps)
{
    const int32_t tap_bytes = params->dilation_w * params->channels;
    for (int32_t channel = 0; channel < params->channels; channel += MCUCC_VECTOR) {
#if MCUCC_MVE
        const mve_pred16_t there = vctp8q((uint32_t)(params->channels - channel));
        int8x16_t largest = vdupq_n_s8((int8_t)params->lo);
        for (int32_t row = 0; row < params->kernel_h; ++row) {
            const int8_t *x = rows[row] + offset + channel;
            for (int32_t tap = 0; tap < taps; ++tap) {
                largest = vmaxq_s8(largest, vldrbq_z_s8(x, there));
                x += tap_bytes;
            }
        }
        largest = vminq_s8(largest, vdupq_n_s8((int8_t)params->hi));
        vstrbq_p_s8(out + channel, largest, there);
#else
        for (int32_t i = channel; i < channel + MCUCC_VECTOR && i < params->channels; ++i) {
            int32_t largest = params->lo;
            for (int32_t row = 0; row < params->kernel_h; ++row) {
                for (int32_t tap = 0; tap < taps; ++tap) {
                    const int32_t x = rows[row][offset + tap * tap_bytes + i];
                    largest = x > largest ? x : largest;
                }
            }
            out[i] = (int8_t)(largest < params->hi ? largest : params->hi);
        }
#endif
    }
}

MCUCC_CODE void mcucc_max_pool_mve(const mcucc_max_pool_mve_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span)
{
    for (int32_t column = span->begin; column < span->end; ++column) {
        const int32_t first = column * params->stride_w - params->pad_left;
        const mcucc_range taps =
            mcucc_valid_taps(first, params->kernel_w, params->dilation_w, params->input_width);
        const int32_t tap = first + taps.begin * params->dilation_w - span->input_column;
        pool(params, rows, out, tap * params->channels, taps.end - taps.begin);
        out += params->channels;
    }
}
