/* Stage 0: a .. b
 * 2 nodes run together, each step a tile of 1 whole row of the last.
 * t counts row steps, 13 of them for 12 tiles: the last node lags 1 behind the first, because
 * windows read what lies below the tile, which must be there before.
 *
 *   for t in 0 .. 13:
 *     receive  image  rows 0 .. 2 at t = 0, then t+1  camera -> image_image
 *     Conv2d   a      rows t    image_image -> a_tile with scratch
 *     Conv2d   b      rows t-1  a_row_cache, a_tile -> b_output with scratch
 *     keep     a      rows t    tile -> rows */
static const mcucc_buffer image_image = {
    .offset = 660, .rows = 3, .height = 12, .pitch = 40, .pixel = 4};
/* Rows [begin, end) of row step t. */
static const int16_t image_received_rows[13][2] = {
    {0, 2}, {2, 3},  {3, 4},   {4, 5},   {5, 6}, {6, 7}, {7, 8},
    {8, 9}, {9, 10}, {10, 11}, {11, 12}, {0, 0}, {0, 0},
};
static const mcucc_buffer a_tile = {.offset = 0, .rows = 1, .height = 12, .pitch = 40, .pixel = 4};
static const mcucc_buffer a_scratch = {.offset = 120};
static const mcucc_buffer a_row_cache = {
    .offset = 40, .rows = 2, .height = 12, .pitch = 40, .pixel = 4};
static const mcucc_buffer b_output = {
    .offset = 300, .rows = 12, .height = 12, .pitch = 40, .pixel = 4};
static const mcucc_buffer b_scratch = {.offset = 120};

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
    .input_width = 10,
    .input_channels = 4,
    .output_channels = 4,
    .runs = 1,
    .run = 12,
    .chunks = 9,
    .wide = 0,
    .stream = net__a_stream,
    .input_zero_point = -1,
    .output_zero_point = 6784,
    .lo = -128,
    .hi = 127,
};

/* a: Conv2d 3x3 p1,1,1,1 (armv7em smlad, common)
 * 12x10x4 -> 12x10x4, 17,280 MACs */
MCUCC_CODE static void run_a(int8_t *arena, int32_t t)
{
    const mcucc_range rows = mcucc_sweep(t, 1, 0, 1, 12);
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
    mcucc_span span = {.end = 10, .scratch = arena + a_scratch.offset};

    for (int32_t row = rows.begin; row < rows.end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_conv2d_armv7em_common(&a_params, window, mcucc_row(arena, &a_tile, row), &span);
    }
}

static const mcucc_conv2d_armv7em_params b_params = {
    .kernel_h = 3,
    .kernel_w = 3,
    .stride_w = 1,
    .dilation_w = 1,
    .pad_left = 1,
    .input_width = 10,
    .input_channels = 4,
    .output_channels = 4,
    .runs = 1,
    .run = 12,
    .chunks = 9,
    .wide = 0,
    .stream = net__b_stream,
    .input_zero_point = 26,
    .output_zero_point = -6112,
    .lo = -128,
    .hi = 127,
};

/* b: Conv2d 3x3 p1,1,1,1 (armv7em smlad, common)
 * 12x10x4 -> 12x10x4, 17,280 MACs */
MCUCC_CODE static void run_b(int8_t *arena, int32_t t)
{
    const mcucc_range rows = mcucc_sweep(t, 1, -1, 0, 12);
    const mcucc_rows x0 = {
        .buffer = &a_row_cache,
        .data = arena + a_row_cache.offset,
        .fresh = &a_tile,
        .fresh_data = arena + a_tile.offset,
        .fresh_from = mcucc_sweep(t, 1, 0, 1, 12).begin,
        .padding = net__padding_26,
        .stride = 1,
        .pad = 1,
        .taps = 3,
        .dilation = 1,
    };
    const int8_t *window[3];
    mcucc_span span = {.end = 10, .scratch = arena + b_scratch.offset};

    for (int32_t row = rows.begin; row < rows.end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_conv2d_armv7em_common(&b_params, window, mcucc_row(arena, &b_output, row), &span);
    }
}

/* Keep the rows of a that later row steps read: tile -> row cache. */
MCUCC_CODE static void keep_rows_a(int8_t *arena, int32_t t)
{
    const mcucc_range rows = mcucc_sweep(t, 1, 0, 1, 12);
    const mcucc_range columns = {0, 10};

    mcucc_copy(arena, &a_tile, 0, &a_row_cache, 0, rows, columns);
}

/* The steps of stage 0. */
MCUCC_OUTLINE int32_t stage_0_b(int8_t *arena, int32_t begin, int32_t end,
                                const mcucc_camera *camera)
{
    int32_t ended;
    int32_t t = begin / 3;
    int32_t part = begin % 3;

    for (int32_t i = begin; i < end; i++) {
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
        if (++part == 3) {
            part = 0;
            t++;
        }
    }
    return 0;
}

/* In how many slices each step can be made. */
static const int16_t net_slice_counts[1] = {39};

/* Slices [begin, end) of a step. */
MCUCC_CODE static int32_t net_slices_of(void *arena, int32_t step, int32_t begin, int32_t end,
                                        const mcucc_camera *camera)
{
    MCUCC_ASSERT(arena != NULL && (uintptr_t)arena % MCUCC_ARENA_LEAST_ALIGNMENT == 0);
    MCUCC_ASSERT(camera != NULL && camera->read_row != NULL);
    switch (step) {
    case 0:
        return stage_0_b(arena, begin, end, camera);
    default:
        break;
    }
    return 0;
}
