/* two outputs as data: names, shapes and steps for firmware that serves any network.
 * Leave this file out where the functions of two_outputs.h are all you need: it is text and tables.
 */
#include "two_outputs.h"

static const char *const step_names[] = {
    "camera image",
    "conv_0",
    "dw_1",
};

static const mcucc_tensor inputs[] = {
    {"image", 4, 5, 1, 0.0078125f, -1, 80},
};

static const mcucc_tensor outputs[] = {
    {"conv_0", 4, 5, 2, 0.0406363979f, -9, 0},
    {"dw_1", 2, 3, 2, 0.07193923f, 111, 96},
};

const mcucc_model two_outputs_model = {
    .name = "two_outputs",
    .id = UINT32_C(0x00000000),
    .arena_bytes = TWO_OUTPUTS_ARENA_BYTES,
    .input_count = 1,
    .output_count = 2,
    .step_count = TWO_OUTPUTS_STEPS,
    .inputs = inputs,
    .outputs = outputs,
    .step_names = step_names,
    .run = two_outputs_run,
    .run_step = two_outputs_run_step,
};
