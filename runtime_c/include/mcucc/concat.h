/* Concat: the bytes of every input in turn, through a table where scales differ.
 *
 * Along channels (repeats == 0) a ROW kernel: rows[i] is the pixel of column span->begin of input
 * i, chunks[i] its channels, `out` the pixel of the same column.
 * Along height or width a TENSOR kernel: rows[i] is the whole input i, of which `repeats` times
 * chunks[i] bytes are taken in turn; `span` is not read.
 */
#ifndef MCUCC_CONCAT_H
#define MCUCC_CONCAT_H

#include "mcucc/mcucc.h"

typedef struct {
    int32_t inputs;
    int32_t repeats;
    const int32_t *chunks; /* [inputs], bytes */
    const int8_t *tables;  /* [inputs][256] for -128 to 127, or NULL: plain copies */
} mcucc_concat_params;

void mcucc_concat(const mcucc_concat_params *params, const int8_t *const *rows, int8_t *out,
                  const mcucc_span *span);

#endif
