/* mcucc/finish_sums.h in the forms of mcucc/finish.h, where the compiler proved one equal. */
#ifndef MCUCC_FINISH_SUMS_FORM_H
#define MCUCC_FINISH_SUMS_FORM_H

#include "mcucc/finish.h"
#include "mcucc/mcucc.h"

typedef struct {
    int32_t channels;
    mcucc_finish_tables finish;
    int32_t input_zero_point;
    int32_t lo; /* the fused activation, in units of the output */
    int32_t hi;
} mcucc_finish_sums_form_params;

void mcucc_finish_sums_form_short(const mcucc_finish_sums_form_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);
void mcucc_finish_sums_form_common(const mcucc_finish_sums_form_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span);
void mcucc_finish_sums_form_shift(const mcucc_finish_sums_form_params *params,
                                  const int8_t *const *rows, int8_t *out, const mcucc_span *span);
void mcucc_finish_sums_form_double(const mcucc_finish_sums_form_params *params,
                                   const int8_t *const *rows, int8_t *out, const mcucc_span *span);

#endif
