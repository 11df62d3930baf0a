/* Runs a network on every image of the input and reports.
 *
 * The request is `run MODEL` or `count MODEL`, MODEL an index. With `run` every image comes once.
 * With `count` it comes twice: once step by step between two readings of the timer, once as a
 * product runs it. Arena and stack are painted to find how much of them is used; both passes of
 * `count` must give the same result although the arena held other bytes before.
 */
#include "harness.h"

#define STACK_PAINT 0xC5C5A396u

/* From the linker script. */
extern uint32_t mcucc_stack_base[], mcucc_stack_top[];
extern uint32_t mcucc_harness_bss_end[], mcucc_harness_stack_top[];

static const mcucc_model *model;
static int32_t high_water;
static uint32_t passes;

static int32_t row_bytes(const mcucc_tensor *tensor)
{
    return tensor->width * tensor->channels * tensor->value_bytes;
}

static int32_t tensor_bytes(const mcucc_tensor *tensor)
{
    return tensor->height * row_bytes(tensor);
}

/* Rows of a streamed image come straight from the transport: they are asked for in order (a mapped
 * image that is read by strips comes with its rows again, see backends/camera_rows.py). What the
 * transport executes is taken off by the host: each read of the record `reads` costs what the
 * record `read` says. What else this function takes, and the stack, count as the network's: they
 * are a camera driver's, and few. */
static int32_t unread; /* bytes of the image that the network has not asked for yet */
static uint32_t reads; /* since the timer was read last */

/* Rows of outputs go straight to the transport, where this pass `sends` its outputs; they are in the
 * CRC of the outputs in the order in which they come. What that takes is `away` from the network's
 * time; the two readings of the timer and the call count as the network's: they are a driver's. */
static uint32_t rows_crc;
static uint32_t away; /* since the timer was read last */
static int32_t sends;

static int32_t write_row(void *context, int32_t index, int32_t row, const void *values)
{
    const uint32_t begin = mcucc_now();
    const int32_t bytes = row_bytes(&model->outputs[index]);
    (void)context;
    (void)row;
    rows_crc = mcucc_crc32(rows_crc, values, bytes);
    if (sends) {
        mcucc_transport_write(values, bytes);
    }
    away += mcucc_now() - begin;
    return 0;
}

static const mcucc_sink sink = {write_row, 0};

/* When rows were asked for: readings of the timer, noted in the first image's pass of steps alone,
 * so that what a run takes has none of it. The record `stamp` is what one costs. They lie in what
 * the harness's RAM has beside its variables and its stack: a real board's has none. */
#define HARNESS_STACK_BYTES 1024
static uint32_t stamps_most;
static uint32_t stamp_count;
static uint32_t step_begin;
static int32_t stamping;

__attribute__((noinline)) static void stamp(void)
{
    if (stamp_count < stamps_most) {
        mcucc_harness_bss_end[stamp_count++] = mcucc_now() - step_begin - away;
    }
}

static uint32_t stamps_that_fit(void)
{
    const uintptr_t begin = (uintptr_t)mcucc_harness_bss_end + HARNESS_STACK_BYTES;
    const uintptr_t end = (uintptr_t)mcucc_harness_stack_top;
    return end > begin ? (uint32_t)(end - begin) / 4u : 0u;
}

static int32_t read_row(void *context, int32_t index, int32_t row, uint8_t *pixels)
{
    const int32_t bytes = row_bytes(&model->inputs[index]);
    (void)context;
    (void)row;
    if (stamping) {
        stamp();
    }
    if (mcucc_transport_read(pixels, bytes) != 1) {
        mcucc_finish(MCUCC_EXIT_REQUEST);
    }
    unread -= bytes;
    ++reads;
    return 0;
}

static const mcucc_camera camera = {read_row, 0};

static int32_t comes_in_rows(void)
{
    return model->inputs[0].offset < 0;
}

/* The last rows of an image, where no window reaches them: nobody asks for those. They go into the
 * arena, where nothing is of use between two images. */
static void skip_unread(void)
{
    while (unread > 0) {
        const int32_t bytes = unread < model->arena_bytes ? unread : model->arena_bytes;
        if (mcucc_transport_read(mcucc_config.arena, bytes) != 1) {
            mcucc_finish(MCUCC_EXIT_REQUEST);
        }
        unread -= bytes;
    }
    unread = 0; /* less than nothing where rows were asked for again */
}

static void stream_whole(void *arena, int32_t step)
{
    (void)step;
    (void)model->stream(arena, &camera); /* read_row above ends no run */
}

static void stream_step(void *arena, int32_t step)
{
    (void)model->stream_step(arena, step, &camera);
}

/* The callbacks above end no run. */
static void deliver_whole(void *arena, int32_t step)
{
    (void)step;
    (void)model->deliver(arena, &camera, &sink);
}

static void deliver_step(void *arena, int32_t step)
{
    (void)model->deliver_step(arena, step, &camera, &sink);
}

static mcucc_body whole_body(void)
{
    if (model->deliver != 0) {
        return (mcucc_body)deliver_whole;
    }
    return model->stream != 0 ? (mcucc_body)stream_whole : (mcucc_body)model->run;
}

static mcucc_body step_body(void)
{
    if (model->deliver != 0) {
        return (mcucc_body)deliver_step;
    }
    return model->stream != 0 ? (mcucc_body)stream_step : (mcucc_body)model->run_step;
}

/* Ticks from before the call to after it; those of a call of mcucc_nothing() are the overhead. */
__attribute__((noinline)) static uint32_t timed(mcucc_body body, int32_t step)
{
    reads = 0;
    away = 0;
    step_begin = mcucc_now();
    mcucc_on_library_stack(body, mcucc_config.arena, step);
    return mcucc_now() - step_begin - away;
}

static void paint_stack(void)
{
    for (uint32_t *word = mcucc_stack_base; word < mcucc_stack_top; ++word) {
        *word = STACK_PAINT;
    }
}

static uint32_t stack_used(void)
{
    const uint32_t *word = mcucc_stack_base;
    while (word < mcucc_stack_top && *word == STACK_PAINT) {
        ++word;
    }
    return (uint32_t)(mcucc_stack_top - word) * 4u;
}

/* The first two passes paint the arena, with different bytes: what looks untouched after one may
 * have been written with just that byte. */
static uint8_t arena_paint(void)
{
    return passes == 0 ? 0xA5u : 0x5Au;
}

static void paint_arena(void)
{
    for (int32_t index = 0; passes < 2 && index < model->arena_bytes; ++index) {
        mcucc_config.arena[index] = arena_paint();
    }
}

static void measure_arena(void)
{
    int32_t used = model->arena_bytes;
    if (passes < 2) {
        while (used > high_water && mcucc_config.arena[used - 1] == arena_paint()) {
            --used;
        }
        high_water = used;
    }
    ++passes;
}

/* Fills the inputs; those of a streamed image are left to read_row. 1 done, 0 when there are no
 * more. The CRC is of what the core sees. */
static int32_t read_image(int32_t image)
{
    uint32_t crc = 0;
    skip_unread();
    paint_arena();
    rows_crc = 0;
    if (mcucc_transport_read(0, 0) == 0) {
        return 0;
    }
    for (int32_t index = 0; index < model->input_count; ++index) {
        const mcucc_tensor *input = &model->inputs[index];
        const int32_t bytes = tensor_bytes(input);
        uint8_t *data = mcucc_config.arena + input->offset;
        if (comes_in_rows()) {
            unread += bytes;
            continue;
        }
        if (mcucc_transport_read(data, bytes) != 1) {
            mcucc_finish(MCUCC_EXIT_REQUEST);
        }
        crc = mcucc_crc32(crc, data, bytes);
    }
    mcucc_current_image = image;
    mcucc_record_image(image, "input_crc", crc);
    return 1;
}

/* Of rows as they came, then of the outputs that are in the arena. */
static uint32_t output_crc(void)
{
    uint32_t crc = rows_crc;
    for (int32_t index = 0; index < model->output_count; ++index) {
        const mcucc_tensor *output = &model->outputs[index];
        if (output->offset >= 0) {
            crc = mcucc_crc32(crc, mcucc_config.arena + output->offset, tensor_bytes(output));
        }
    }
    return crc;
}

static void write_outputs(void)
{
    for (int32_t index = 0; index < model->output_count; ++index) {
        const mcucc_tensor *output = &model->outputs[index];
        if (output->offset >= 0) {
            mcucc_transport_write(mcucc_config.arena + output->offset, tensor_bytes(output));
        }
    }
}

static uint32_t count_steps(int32_t image)
{
    stamping = image == 0;
    for (int32_t step = 0; step < model->step_count; ++step) {
        mcucc_current_step = step;
        mcucc_record_step(image, "step", step, timed(step_body(), step));
        if (reads != 0) {
            mcucc_record_step(image, "reads", step, reads);
        }
    }
    mcucc_current_step = -1;
    measure_arena();
    for (uint32_t index = 0; stamping && index < stamp_count; ++index) {
        mcucc_record_step(image, "asked", (int32_t)index, mcucc_harness_bss_end[index]);
    }
    stamping = 0;
    return output_crc();
}

static void run_images(int32_t counting)
{
    for (int32_t image = 0; read_image(image) != 0; ++image) {
        uint32_t first_crc = 0;
        sends = 0;
        if (counting) {
            first_crc = count_steps(image);
            if (read_image(image) == 0) {
                mcucc_finish(MCUCC_EXIT_REQUEST);
            }
        }
        sends = 1;
        uint32_t ticks = timed(whole_body(), 0);
        uint32_t crc = output_crc();
        mcucc_current_step = -1;
        measure_arena();
        if (counting) {
            mcucc_record_image(image, "ticks", ticks);
            mcucc_record_image(image, "reads", reads);
        }
        mcucc_record_image(image, "output_crc", crc);
        write_outputs();
        if (counting && crc != first_crc) {
            mcucc_finish(MCUCC_EXIT_MISMATCH);
        }
    }
}

/* Every tensor must lie in the arena that the image has: the transport writes behind the fence.
 * Those by rows have no place of their own. */
static int32_t fits_arena(const mcucc_tensor *tensors, int32_t count)
{
    for (int32_t index = 0; index < count; ++index) {
        const mcucc_tensor *tensor = &tensors[index];
        if (tensor->offset < -1 ||
            (tensor->offset >= 0 && tensor->offset + tensor_bytes(tensor) > model->arena_bytes)) {
            return 0;
        }
    }
    return 1;
}

static void choose_model(int32_t index)
{
    if (index < 0 || index >= mcucc_config.model_count) {
        mcucc_finish(MCUCC_EXIT_REQUEST);
    }
    model = mcucc_config.models[index];
    if (model->arena_bytes > mcucc_config.arena_bytes ||
        !fits_arena(model->inputs, model->input_count) ||
        !fits_arena(model->outputs, model->output_count)) {
        mcucc_finish(MCUCC_EXIT_REQUEST);
    }
}

static int32_t requested_index(const char *request)
{
    int32_t index = 0;
    while (*request != '\0' && *request != ' ') {
        ++request;
    }
    while (*request == ' ') {
        ++request;
    }
    for (; *request >= '0' && *request <= '9'; ++request) {
        index = index * 10 + (*request - '0');
    }
    return index;
}

void mcucc_main(void)
{
    char request[32];
    mcucc_transport_open(request, (int32_t)sizeof request);
    int32_t counting = request[0] == 'c';
    choose_model(requested_index(request));
    mcucc_record("core", MCUCC_CORE);
    mcucc_record("model", model->id);
    mcucc_record("steps", (uint32_t)model->step_count);
    mcucc_record("arena", (uint32_t)model->arena_bytes);
    mcucc_record("fence", mcucc_fence_up());
    paint_stack();
    mcucc_record("overhead", timed(mcucc_nothing, 0));
    mcucc_record("known", timed(mcucc_known, 0));
    if (comes_in_rows()) {
        mcucc_record("read", timed((mcucc_body)mcucc_transport_read, 0)); /* of 0 bytes */
        stamps_most = stamps_that_fit();
        mcucc_record("stamp", timed((mcucc_body)stamp, 0));
        stamp_count = 0;
    }
    run_images(counting);
    mcucc_current_image = -1;
    mcucc_record("arena_high_water", (uint32_t)high_water);
    mcucc_record("stack", stack_used());
}
