/* residual as data: names, shapes and steps for firmware that serves any network.
 * Leave this file out where the functions of residual.h are all you need: it is text and tables.
 */
#include "residual.h"

static const char *const step_names[] = {
    "camera image",
    "conv_0",
    "conv_1",
    "dw_2",
    "conv_3",
    "add_4",
    "globalaveragepool_5",
    "fc_7",
};

static const mcucc_tensor inputs[] = {
    {"image", 6, 6, 3, 0.0078125f, -1, 148},
};

static const mcucc_tensor outputs[] = {
    {"fc_7", 1, 1, 3, 0.0439027585f, 65, 4},
};

const mcucc_model residual_model = {
    .name = "residual",
    .id = UINT32_C(0x00000000),
    .arena_bytes = RESIDUAL_ARENA_BYTES,
    .input_count = 1,
    .output_count = 1,
    .step_count = RESIDUAL_STEPS,
    .inputs = inputs,
    .outputs = outputs,
    .step_names = step_names,
    .run = residual_run,
    .run_step = residual_run_step,
};
