/* A network whose run is begun and stepped, its rows from the camera that firmware has. */
#include "net_model.c"

static net_state state;
MCUCC_REQUIRE(state_of_one_input, NET_STATE_BYTES == 64);

static int32_t stepped_run(void *arena, const mcucc_camera *camera)
{
    net_begin(&state, arena, camera);
    while (net_step(&state, 1) > MCUCC_FRAME_DONE) {
    }
    return state.frame.status - MCUCC_FRAME_DONE;
}

extern const mcucc_model stepped_model;
const mcucc_model stepped_model = {
    .name = "stepped",
    .arena_bytes = NET_ARENA_BYTES,
    .input_count = 1,
    .output_count = sizeof outputs / sizeof outputs[0],
    .inputs = inputs,
    .outputs = outputs,
    .step_names = step_names,
    .stream = stepped_run,
};
