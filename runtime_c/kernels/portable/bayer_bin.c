#include "mcucc/bayer_bin.h"

MCUCC_CODE void mcucc_bayer_bin(const mcucc_bayer_bin_params *params, const int8_t *const *rows,
                                int8_t *out, const mcucc_span *span)
{
    const int32_t first = 2 * span->begin - span->input_column;
    /* Greens stand where red and blue do not: beside red in its row, beside blue in its. */
    const uint8_t *red = (const uint8_t *)rows[params->red >> 1] + first;
    const uint8_t *blue = (const uint8_t *)rows[params->blue >> 1] + first;
    const int32_t red_column = params->red & 1;

    for (int32_t column = span->begin; column < span->end; ++column) {
        *out++ = (int8_t)red[red_column];
        *out++ = (int8_t)((red[1 - red_column] + blue[red_column] + 1) >> 1);
        *out++ = (int8_t)blue[1 - red_column];
        red += 2;
        blue += 2;
    }
}
