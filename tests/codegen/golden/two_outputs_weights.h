/* Constants of two outputs: weights, biases, requantization and padding rows. Internal. */
#ifndef TWO_OUTPUTS_WEIGHTS_H
#define TWO_OUTPUTS_WEIGHTS_H

#include <stdint.h>

extern const int8_t two_outputs_conv_0_weights[20];
extern const uint16_t two_outputs_conv_0_chunks[1];
extern const uint8_t two_outputs_conv_0_lengths[5];
extern const int32_t two_outputs_conv_0_bias[2];
extern const int32_t two_outputs_conv_0_multiplier[2];
extern const uint8_t two_outputs_conv_0_shift[2];
extern const int8_t two_outputs_dw_1_weights[18];
extern const int32_t two_outputs_dw_1_bias[2];
extern const int32_t two_outputs_dw_1_multiplier[2];
extern const uint8_t two_outputs_dw_1_shift[2];
extern const int8_t two_outputs_padding_m9[10];
extern const int8_t two_outputs_padding_m1[5];

#endif
