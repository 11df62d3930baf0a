#include "mcucc/frame.h"

#include <string.h>

/* A row that was pushed; MCUCC_ROW_LATE where it has not come. */
MCUCC_CODE static int32_t pushed_row(const mcucc_frame *frame, int32_t input, uint8_t *pixels)
{
    const mcucc_band *const band = &frame->bands[input];

    if (band->taken >= band->come) {
        return MCUCC_ROW_LATE;
    }
    memcpy(pixels, band->pixels + (ptrdiff_t)(band->taken - band->first) * band->stride,
           (size_t)frame->network->inputs[input].row_bytes);
    return 0;
}

/* `read_row` of the run's camera: a slice that is made again has its first rows already. */
MCUCC_CODE static int32_t next_row(void *context, int32_t input, int32_t row, uint8_t *pixels)
{
    mcucc_frame *const frame = (mcucc_frame *)context;
    const mcucc_camera *const source = &frame->source;
    int32_t ended;

    if (frame->network->input_count == 0) {
        return source->read_row(source->context, input, row, pixels);
    }
    if (row < frame->bands[input].taken) {
        return MCUCC_ROW_KEPT;
    }
    ended = source->read_row == NULL ? pushed_row(frame, input, pixels)
                                     : source->read_row(source->context, input, row, pixels);
    if (ended == 0) {
        frame->bands[input].taken++;
    } else {
        frame->input = input;
    }
    return ended;
}

MCUCC_CODE void mcucc_frame_begin(mcucc_frame *frame, const mcucc_frame_network *network,
                                  mcucc_band *bands, void *arena, const mcucc_camera *source,
                                  const mcucc_sink *sink)
{
    static const mcucc_camera none = {NULL, NULL};
    static const mcucc_sink nowhere = {NULL, NULL};
    static const mcucc_band empty = {NULL, 0, 0, 0, 0};

    frame->network = network;
    frame->bands = bands;
    frame->arena = arena;
    frame->source = source == NULL ? none : *source;
    frame->sink = sink == NULL ? nowhere : *sink;
    frame->slice = 0;
    frame->input = 0;
    frame->status = network->slices > 0 ? MCUCC_FRAME_STEPS : MCUCC_FRAME_DONE;
    frame->ended = 0;
    for (int32_t input = 0; input < network->input_count; input++) {
        bands[input] = empty;
    }
}

MCUCC_CODE int32_t mcucc_frame_step(mcucc_frame *frame, int32_t slices)
{
    const mcucc_camera camera = {next_row, frame};

    while (slices > 0 && frame->status > MCUCC_FRAME_DONE) {
        const int32_t ended =
            frame->network->run_slice(frame->arena, frame->slice, &camera, &frame->sink);

        if (ended == MCUCC_ROW_LATE) {
            frame->status = MCUCC_FRAME_ROWS;
            break;
        }
        if (ended != 0) {
            frame->ended = ended;
            frame->status = MCUCC_FRAME_ENDED;
            break;
        }
        frame->slice++;
        slices--;
        frame->status =
            frame->slice == frame->network->slices ? MCUCC_FRAME_DONE : MCUCC_FRAME_STEPS;
    }
    return frame->status;
}

MCUCC_CODE int32_t mcucc_frame_offer(mcucc_frame *frame, int32_t input, int32_t first_row,
                                     int32_t count, const uint8_t *pixels, int32_t stride)
{
    mcucc_band *band;

    if (frame->status <= MCUCC_FRAME_IDLE) {
        return frame->status;
    }
    if (frame->source.read_row != NULL) {
        return MCUCC_FRAME_BUSY;
    }
    if (input < 0 || input >= frame->network->input_count) {
        return frame->status = MCUCC_FRAME_ORDER;
    }
    band = &frame->bands[input];
    if (first_row != band->come || count < 0 ||
        count > frame->network->inputs[input].height - first_row) {
        return frame->status = MCUCC_FRAME_ORDER;
    }
    if (frame->status != MCUCC_FRAME_DONE) { /* else nobody needs the last rows */
        if (band->taken < band->come) {
            return MCUCC_FRAME_BUSY;
        }
        band->pixels = pixels;
        band->first = first_row;
        band->stride = stride;
        frame->status = MCUCC_FRAME_STEPS;
    }
    band->come += count;
    return frame->status;
}

MCUCC_CODE int32_t mcucc_frame_push(mcucc_frame *frame, int32_t input, int32_t first_row,
                                    int32_t count, const uint8_t *pixels, int32_t stride)
{
    const int32_t status = mcucc_frame_offer(frame, input, first_row, count, pixels, stride);

    return status > MCUCC_FRAME_DONE ? mcucc_frame_step(frame, INT32_MAX) : status;
}

MCUCC_CODE int32_t mcucc_frame_push_row(mcucc_frame *frame, int32_t input, const uint8_t *pixels)
{
    if (frame->status <= MCUCC_FRAME_IDLE) {
        return frame->status;
    }
    if (input < 0 || input >= frame->network->input_count) {
        return frame->status = MCUCC_FRAME_ORDER;
    }
    return mcucc_frame_push(frame, input, frame->bands[input].come, 1, pixels, 0);
}

MCUCC_CODE void mcucc_frame_abort(mcucc_frame *frame)
{
    frame->status = MCUCC_FRAME_IDLE;
}
