/* Frames that break off: at every slice, at every row that is read, at every row that is handed
 * out; two frames that take turns. What follows is a whole frame with the bytes of the first. */
#include "broken.h"

#include <stdlib.h>
#include <string.h>

/* A frame breaks off at about so many places of each kind. */
enum { CODE = 1000, PLACES = 6 };

/* Ends a run at call number `left`. */
typedef struct {
    const mcucc_camera *camera;
    const mcucc_sink *sink;
    int32_t calls;
    int32_t last; /* the call that ends it; -1: none */
} ending;

static int32_t ending_row(void *context, int32_t input, int32_t row, uint8_t *pixels)
{
    ending *const at = context;

    if (at->calls++ == at->last) {
        return CODE + at->last;
    }
    return at->camera->read_row(at->camera->context, input, row, pixels);
}

static int32_t ending_values(void *context, int32_t output, int32_t row, const void *values)
{
    ending *const at = context;

    if (at->calls++ == at->last) {
        return CODE + at->last;
    }
    return at->sink->write_row(at->sink->context, output, row, values);
}

static int32_t run(const batch_network *network, uint8_t *arena, const mcucc_camera *camera,
                   const mcucc_sink *sink)
{
    const mcucc_model *const model = network->model;

    if (model->deliver != NULL) {
        return model->deliver(arena, camera, sink);
    }
    if (model->stream != NULL) {
        return model->stream(arena, camera);
    }
    model->run(arena);
    return 0;
}

static void fail(const char *what, int32_t at)
{
    fprintf(stderr, "broken: %s at %d\n", what, (int)at);
    exit(20);
}

/* So many slices of a frame, then no more. */
static void stop_at(const batch_network *network, uint8_t *arena, const broken_ends *ends,
                    int32_t slices)
{
    mcucc_frame *frame;

    ends->start(ends->context, arena);
    frame = network->begin(arena, ends->camera, ends->sink);
    if (slices > 0 && mcucc_frame_step(frame, slices) != (slices < network->slices
                                                              ? MCUCC_FRAME_STEPS
                                                              : MCUCC_FRAME_DONE)) {
        fail("slices", slices);
    }
    if (frame->slice != slices) {
        fail("number of slices", slices);
    }
    if (slices % 2 != 0) {
        mcucc_frame_abort(frame);
        if (mcucc_frame_step(frame, 1) != MCUCC_FRAME_IDLE) {
            fail("abort", slices);
        }
    }
}

static void whole(const batch_network *network, uint8_t *arena, const broken_ends *ends,
                  int32_t slices, const char *what, int32_t at)
{
    mcucc_frame *frame;
    int32_t steps = 0;

    ends->start(ends->context, arena);
    frame = network->begin(arena, ends->camera, ends->sink);
    while (mcucc_frame_step(frame, slices) == MCUCC_FRAME_STEPS) {
        steps++;
    }
    if (frame->status != MCUCC_FRAME_DONE || frame->slice != network->slices ||
        (slices == 1 && steps != network->slices - 1)) {
        fail(what, at);
    }
    if (!ends->right(ends->context, arena)) {
        fail(what, at);
    }
}

/* Runs that read_row or write_row ends at each of their calls, as a run and as a frame. */
static void ended(const batch_network *network, uint8_t *arena, const broken_ends *ends, int reads)
{
    ending at = {ends->camera, ends->sink, 0, -1};
    const mcucc_camera camera = {ending_row, &at};
    const mcucc_sink sink = {ending_values, &at};
    const mcucc_camera *const from = reads ? &camera : ends->camera;
    const mcucc_sink *const to = reads ? ends->sink : &sink;
    int32_t all;

    ends->start(ends->context, arena);
    if (run(network, arena, from, to) != 0) {
        fail("counting", 0);
    }
    all = at.calls;
    for (int32_t call = 0; call < all; call += 1 + all / PLACES) {
        mcucc_frame *frame;

        at.last = call;
        at.calls = 0;
        ends->start(ends->context, arena);
        if (run(network, arena, from, to) != CODE + call || at.calls != call + 1) {
            fail(reads ? "read_row of a run" : "write_row of a run", call);
        }
        at.calls = 0;
        ends->start(ends->context, arena);
        frame = network->begin(arena, from, to);
        if (mcucc_frame_step(frame, INT32_MAX) != MCUCC_FRAME_ENDED ||
            frame->ended != CODE + call || at.calls != call + 1 ||
            mcucc_frame_step(frame, 3) != MCUCC_FRAME_ENDED || at.calls != call + 1) {
            fail(reads ? "read_row of a frame" : "write_row of a frame", call);
        }
        whole(network, arena, ends, call % 3 + 1, "behind a run that ended", call);
    }
}

/* Rows pushed up to one, then begun again; every way to be wrong. */
static void pushed_part(const batch_network *network, uint8_t *arena, const broken_ends *ends,
                        int32_t rows, int way)
{
    const mcucc_model *const model = network->model;
    mcucc_frame *frame;
    int32_t given = 0, status, expected = MCUCC_FRAME_ORDER;
    uint8_t *const row = malloc(65536);

    if (row == NULL) {
        exit(3);
    }
    memset(row, 0xEE, 65536);
    ends->start(ends->context, arena);
    frame = network->begin(arena, NULL, ends->sink);
    status = mcucc_frame_step(frame, INT32_MAX);
    while (status == MCUCC_FRAME_ROWS && given < rows) {
        status = mcucc_frame_push_row(frame, frame->input, row);
        given++;
    }
    if (status == MCUCC_FRAME_ROWS) {
        const int32_t input = frame->input, come = frame->bands[input].come;

        switch (way) {
        case 0:
            expected = MCUCC_FRAME_IDLE;
            mcucc_frame_abort(frame);
            break;
        case 1:
            (void)mcucc_frame_push(frame, input, come + 1, 1, row, 0);
            break;
        case 2:
            (void)mcucc_frame_push(frame, input, come, model->inputs[input].height - come + 1, row,
                                   0);
            break;
        case 3:
            (void)mcucc_frame_push(frame, input, come - 1, 1, row, 0);
            break;
        case 4:
            (void)mcucc_frame_push(frame, model->input_count, 0, 1, row, 0);
            break;
        default:
            (void)mcucc_frame_offer(frame, -1, 0, 1, row, 0);
            break;
        }
        if (mcucc_frame_step(frame, 1) != expected || frame->status != expected ||
            mcucc_frame_push_row(frame, 0, row) != expected) {
            fail("status", rows);
        }
    }
    free(row);
    whole(network, arena, ends, 2, "behind a push that broke off", rows);
}

void broken_frames(const batch_network *network, uint8_t *arena, const broken_ends *ends)
{
    const int32_t slices = network->slices;

    for (int32_t slice = 0; slice <= slices; slice += 1 + slices / PLACES) {
        stop_at(network, arena, ends, slice);
        whole(network, arena, ends, slice % 4 == 0 ? 1 : slice, "behind a frame that broke off",
              slice);
    }
    if (ends->reads) {
        ended(network, arena, ends, 1);
    }
    if (ends->writes) {
        ended(network, arena, ends, 0);
    }
    if (network->rows) {
        int32_t rows = 0;
        int way = 0;

        for (int32_t i = 0; i < network->model->input_count; i++) {
            rows += network->model->inputs[i].height;
        }
        for (int32_t row = 0; row <= rows; row += 1 + rows / PLACES) {
            pushed_part(network, arena, ends, row, way++ % 6);
        }
    }
}

void broken_turns(const batch_network *const networks[2], uint8_t *const arenas[2],
                  const broken_ends *const ends[2])
{
    mcucc_frame *frames[2];

    for (int i = 0; i < 2; i++) {
        ends[i]->start(ends[i]->context, arenas[i]);
        frames[i] = networks[i]->begin(arenas[i], ends[i]->camera, ends[i]->sink);
    }
    while (frames[0]->status > MCUCC_FRAME_DONE || frames[1]->status > MCUCC_FRAME_DONE) {
        (void)mcucc_frame_step(frames[0], 1);
        (void)mcucc_frame_step(frames[1], 2);
    }
    for (int i = 0; i < 2; i++) {
        if (frames[i]->status != MCUCC_FRAME_DONE || !ends[i]->right(ends[i]->context, arenas[i])) {
            fail("turns", i);
        }
    }
}

void broken_nothing(void)
{
    static const mcucc_frame_network nothing = {NULL, 0, 0, NULL};
    mcucc_frame frame;

    mcucc_frame_begin(&frame, &nothing, NULL, NULL, NULL, NULL);
    if (mcucc_frame_step(&frame, 1) != MCUCC_FRAME_DONE || frame.slice != 0) {
        fail("a network of no slices", 0);
    }
}
