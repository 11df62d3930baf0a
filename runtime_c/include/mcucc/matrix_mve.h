/* Matrix times vector on Helium: VMLAV, 16 products an instruction, the sums in even registers.
 *
 * `pixels` computes all channels of four pixels: each weight vector loaded serves four of them.
 * `channels` computes four channels at a time of one pixel: each input vector loaded serves four.
 * Weights lie as [channel][tap], 16 bytes after the last one are readable. Inputs are read to the
 * last tap and not a byte further. `finish` holds the entries of mcucc/finish_mve.h.
 */
#ifndef MCUCC_MATRIX_MVE_H
#define MCUCC_MATRIX_MVE_H

#include "mcucc/abi.h"
#include "mcucc/finish_mve.h"

/* What does not change along a row of outputs. */
typedef struct {
    const int8_t *weights;
    const int32_t *finish;
    int32_t taps;
    int32_t channels;
    int32_t zero_point; /* of the output */
    int32_t pitch;      /* bytes from a pixel's outputs to the next one's */
    int8_t *unpacked;   /* room for weights: mcucc/matrix_packed_mve.h; NULL where they are bytes */
} mcucc_matrix_mve;

/* Outputs out[pixel * pitch + channel] of `count` pixels, the taps of pixel i at x + i *
 * step. */
#define MCUCC_MATRIX_MVE(form)                                                                  \
    void mcucc_matrix_mve_##form(const mcucc_matrix_mve *matrix, const int8_t *x, int32_t step, \
                                 int8_t *out, int32_t count);

MCUCC_MATRIX_MVE(doubling)
MCUCC_MATRIX_MVE(shift)
MCUCC_MATRIX_MVE(wide)
MCUCC_MATRIX_MVE(double)

typedef void (*mcucc_matrix_function_mve)(const mcucc_matrix_mve *matrix, const int8_t *x,
                                          int32_t step, int8_t *out, int32_t count);

#endif
