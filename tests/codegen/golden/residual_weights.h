/* Constants of residual: weights, biases, requantization and padding rows. Internal. */
#ifndef RESIDUAL_WEIGHTS_H
#define RESIDUAL_WEIGHTS_H

#include <stdint.h>

extern const int8_t residual_conv_0_weights[112];
extern const uint16_t residual_conv_0_chunks[2];
extern const uint8_t residual_conv_0_lengths[24];
extern const int32_t residual_conv_0_bias[4];
extern const int32_t residual_conv_0_multiplier[4];
extern const uint8_t residual_conv_0_shift[4];
extern const int8_t residual_conv_1_weights[32];
extern const uint16_t residual_conv_1_chunks[4];
extern const uint8_t residual_conv_1_lengths[8];
extern const int32_t residual_conv_1_bias[8];
extern const int32_t residual_conv_1_multiplier[8];
extern const uint8_t residual_conv_1_shift[8];
extern const int8_t residual_dw_2_weights[72];
extern const int32_t residual_dw_2_bias[8];
extern const int32_t residual_dw_2_multiplier[8];
extern const uint8_t residual_dw_2_shift[8];
extern const int8_t residual_conv_3_weights[32];
extern const uint16_t residual_conv_3_chunks[2];
extern const uint8_t residual_conv_3_lengths[7];
extern const int32_t residual_conv_3_bias[4];
extern const int32_t residual_conv_3_multiplier[4];
extern const uint8_t residual_conv_3_shift[4];
extern const int8_t residual_fc_7_weights[12];
extern const int32_t residual_fc_7_bias[3];
extern const int32_t residual_fc_7_multiplier[3];
extern const uint8_t residual_fc_7_shift[3];
extern const int8_t residual_padding_m25[24];
extern const int8_t residual_padding_m1[18];

#endif
