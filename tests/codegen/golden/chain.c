/* Stage 0: a .. b
 * 2 nodes run together, each step a tile of 1 whole row of the last.
 * t counts row steps, 11 of them for 10 tiles: the last node lags 1 behind the first, because
 * windows read what lies below the tile, which must be there before.
 *
 *   row step t of 11:
 *     receive          image  rows 0 .. 2 at t = 0, then t+1  camera -> image_image
 *     Conv2d           a      rows t    image_image -> a_tile with scratch
 *     DepthwiseConv2d  b      rows t-1  a_row_cache, a_tile -> b_ring with scratch
 *     keep             a      rows t    tile -> rows */
static const mcucc_buffer image_image = {
    .offset = 1224, .rows = 3, .height = 10, .pitch = 48, .pixel = 3};
/* Rows [begin, end) of row step t. */
static const int16_t image_received_rows[11][2] = {
    {0, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}, {8, 9}, {9, 10}, {0, 0}, {0, 0},
};
static const mcucc_buffer a_tile = {
    .offset = 1368, .rows = 1, .height = 10, .pitch = 128, .pixel = 8};
static const mcucc_buffer a_scratch = {.offset = 0};
static const mcucc_buffer a_row_cache = {
    .offset = 840, .rows = 2, .height = 10, .pitch = 128, .pixel = 8};
static const mcucc_buffer b_ring = {
    .offset = 456, .rows = 3, .height = 10, .pitch = 128, .pixel = 8};
static const mcucc_buffer b_scratch = {.offset = 0};

/* Receive rows of image from the camera. */
MCUCC_CODE static int32_t receive_image(int8_t *arena, int32_t t, const mcucc_camera *camera)
{
    const mcucc_range rows = mcucc_listed(image_received_rows[t]);

    for (int32_t row = rows.begin; row < rows.end; row++) {
        int8_t *const pixels = mcucc_row(arena, &image_image, row);
        const int32_t ended = camera->read_row(camera->context, 0, row, (uint8_t *)pixels);

        if (ended == MCUCC_ROW_KEPT) {
            continue;
        }
        if (ended != 0) {
            return ended;
        }
        mcucc_camera_offset(pixels, image_image.pitch);
    }
    return 0;
}

static const mcucc_conv2d_armv7em_params a_params = {
    .kernel_h = 3,
    .kernel_w = 3,
    .stride_w = 1,
    .dilation_w = 1,
    .pad_left = 1,
    .input_width = 16,
    .input_channels = 3,
    .output_channels = 8,
    .runs = 1,
    .run = 9,
    .chunks = 7,
    .wide = 1,
    .stream = net__a_stream,
    .input_zero_point = -1,
    .output_zero_point = 9856,
    .lo = -128,
    .hi = 127,
};

/* a: Conv2d 3x3 p1,1,1,1 (armv7em smlad, common)
 * 10x16x3 -> 10x16x8, 34,560 MACs */
MCUCC_CODE static void run_a(int8_t *arena, int32_t t)
{
    const mcucc_range rows = mcucc_sweep(t, 1, 0, 1, 10);
    const mcucc_rows x0 = {
        .buffer = &image_image,
        .data = arena + image_image.offset,
        .padding = net__padding_m1,
        .stride = 1,
        .pad = 1,
        .taps = 3,
        .dilation = 1,
    };
    const int8_t *window[3];
    mcucc_span span = {.end = 16, .scratch = arena + a_scratch.offset};

    for (int32_t row = rows.begin; row < rows.end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_conv2d_armv7em_common(&a_params, window, mcucc_row(arena, &a_tile, row), &span);
    }
}

static const mcucc_depthwise_armv7em_params b_params = {
    .dilation = 1,
    .pad_left = 1,
    .input_width = 16,
    .channels = 8,
    .tile = 16,
    .stream = net__b_stream,
    .addend = 2,
    .shift = 0,
    .input_zero_point = 38,
    .lo = -128,
    .hi = 127,
};

/* b: DepthwiseConv2d 3x3 p1,1,1,1 (armv7em smlad, high)
 * 10x16x8 -> 10x16x8, 11,520 MACs */
MCUCC_CODE static void run_b(int8_t *arena, int32_t t)
{
    const mcucc_range rows = mcucc_sweep(t, 1, -1, 0, 10);
    const mcucc_rows x0 = {
        .buffer = &a_row_cache,
        .data = arena + a_row_cache.offset,
        .fresh = &a_tile,
        .fresh_data = arena + a_tile.offset,
        .fresh_from = mcucc_sweep(t, 1, 0, 1, 10).begin,
        .padding = net__padding_38,
        .stride = 1,
        .pad = 1,
        .taps = 3,
        .dilation = 1,
    };
    const int8_t *window[3];
    mcucc_span span = {.end = 16, .scratch = arena + b_scratch.offset};

    for (int32_t row = rows.begin; row < rows.end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_depthwise_armv7em_3_1_high(&b_params, window, mcucc_row(arena, &b_ring, row), &span);
    }
}

/* Keep the rows of a that later row steps read: tile -> row cache. */
MCUCC_CODE static void keep_rows_a(int8_t *arena, int32_t t)
{
    const mcucc_range rows = mcucc_sweep(t, 1, 0, 1, 10);
    const mcucc_range columns = {0, 16};

    mcucc_copy(arena, &a_tile, 0, &a_row_cache, 0, rows, columns);
}

/* Stage 1: c */
static const mcucc_buffer c_output = {
    .offset = 1096, .rows = 5, .height = 5, .pitch = 32, .pixel = 4};
static const mcucc_buffer c_scratch = {.offset = 0};

static const mcucc_conv2d_armv7em_params c_params = {
    .kernel_h = 3,
    .kernel_w = 3,
    .stride_w = 2,
    .dilation_w = 1,
    .pad_left = 1,
    .input_width = 16,
    .input_channels = 8,
    .output_channels = 4,
    .runs = 1,
    .run = 24,
    .chunks = 18,
    .wide = 0,
    .stream = net__c_stream,
    .input_zero_point = 2,
    .output_zero_point = -46,
    .lo = -128,
    .hi = 127,
};

/* c: Conv2d 3x3 s2,2 p1,1,1,1 (armv7em smlad, high)
 * 10x16x8 -> 5x8x4, 11,520 MACs */
MCUCC_CODE static void run_c(int8_t *arena, int32_t t)
{
    const mcucc_range rows = mcucc_sweep(t, 1, 0, 1, 5);
    const mcucc_rows x0 = {
        .buffer = &b_ring,
        .data = arena + b_ring.offset,
        .padding = net__padding_2,
        .stride = 2,
        .pad = 1,
        .taps = 3,
        .dilation = 1,
    };
    const int8_t *window[3];
    mcucc_span span = {.end = 8, .scratch = arena + c_scratch.offset};

    for (int32_t row = rows.begin; row < rows.end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_conv2d_armv7em_high(&c_params, window, mcucc_row(arena, &c_output, row), &span);
    }
}

/* A row step of stage 0, or a part of it. */
MCUCC_CODE static int32_t rows_of_stage_0_b(int8_t *arena, int32_t t, int32_t part,
                                            const mcucc_camera *camera)
{
    int32_t ended;

    if (part < 1) {
        ended = receive_image(arena, t, camera);
        if (ended != 0) {
            return ended;
        }
    } else if (part < 2) {
        run_a(arena, t);
    } else {
        run_b(arena, t);
        keep_rows_a(arena, t);
    }
    return 0;
}

/* A row step of stage 1. */
MCUCC_CODE static void rows_of_stage_1_c(int8_t *arena, int32_t t)
{
    run_c(arena, t);
}

/* Whose row step comes next. */
static const uint8_t stage_1_c_order[16] = {
    0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1,
};

/* Slices of a row step of each. */
static const int16_t stage_1_c_parts[2] = {3, 1};

/* Stages 0 to 1, interleaved: each feeds the next one rows as it asks. */
MCUCC_OUTLINE int32_t stage_1_c(int8_t *arena, int32_t begin, int32_t end,
                                const mcucc_camera *camera)
{
    int32_t ended;
    int32_t at = begin, until = end;
    int32_t done[2] = {0};

    for (int32_t i = 0; at < until; i++) {
        const int32_t member = stage_1_c_order[i];
        const int32_t parts = stage_1_c_parts[member];
        const int32_t t = done[member]++;

        for (; at < parts && at < until; at++) {
            switch (member) {
            case 0:
                ended = rows_of_stage_0_b(arena, t, at, camera);
                if (ended != 0) {
                    return ended;
                }
                break;
            case 1:
                rows_of_stage_1_c(arena, t);
                break;
            default:
                break;
            }
        }
        at -= parts;
        until -= parts;
    }
    return 0;
}

/* In how many slices each step can be made. */
static const int16_t net_slice_counts[1] = {38};

/* Slices [begin, end) of a step. */
MCUCC_CODE static int32_t net_slices_of(void *arena, int32_t step, int32_t begin, int32_t end,
                                        const mcucc_camera *camera)
{
    MCUCC_ASSERT(arena != NULL && (uintptr_t)arena % MCUCC_ARENA_LEAST_ALIGNMENT == 0);
    MCUCC_ASSERT(camera != NULL && camera->read_row != NULL);
    switch (step) {
    case 0:
        return stage_1_c(arena, begin, end, camera);
    default:
        break;
    }
    return 0;
}
