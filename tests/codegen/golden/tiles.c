/* Stage 0: a .. c
 * 3 nodes run together, each step a tile of 2 x 4 pixels of the last.
 * t counts row steps, 4 of them for 3 tiles: the last node lags 1 behind the first, because
 * windows read what lies below the tile, which must be there before.
 * u counts column steps, 3 of them for 2 tiles: the last node lags 1 behind the first, because
 * windows read what lies to the right of the tile, which must be there before.
 *
 *   for t in 0 .. 4:
 *     for u in 0 .. 3:
 *       receive          image  rows 4t-2 .. 4t+2  columns (0..16, none, none)[u]
 *             camera -> image_image
 *       load             a      rows 4t-3 .. 4t+1  columns (none, 0, 7..9)[u]  columns -> tile
 *       Conv2d           a      rows 4t-3 .. 4t+1  columns 8u-7 .. 8u+1
 *             image_image -> a_tile with scratch
 *       load             b      rows 4t-4 .. 4t    columns (none, none, 7)[u]  columns -> tile
 *       DepthwiseConv2d  b      rows 4t-4 .. 4t    columns (none, 0..8, 8..16)[u]
 *             a_row_cache, a_tile -> b_tile with scratch
 *       keep             a      rows 4t-1 .. 4t+1  columns (none, 0..7, 7..16)[u]  tile -> rows
 *       keep             a      rows 4t-3 .. 4t+1  columns (0, 7..9, none)[u]
 *             tile -> columns as of u+1
 *       Conv2d           c      rows 2t-2 .. 2t    columns (none, 0..4, 4..8)[u]
 *             b_row_cache, b_tile -> c_output with scratch
 *       keep             b      rows 4t-1          columns (none, 0..7, 7..16)[u]  tile -> rows
 *       keep             b      rows 4t-4 .. 4t    columns (none, 7, none)[u]
 *             tile -> columns as of u+1 */
static const mcucc_buffer image_image = {
    .offset = 528, .rows = 6, .height = 10, .pitch = 48, .pixel = 3};
/* Columns [begin, end) of column step u. */
static const int16_t image_received_columns[3][2] = {{0, 16}, {0, 0}, {0, 0}};
/* The column at the left edge at column step u. */
static const int16_t a_left[3] = {0, 0, 7};
static const mcucc_buffer a_column_cache = {
    .offset = 816, .rows = 4, .height = 10, .pitch = 16, .pixel = 8};
static const mcucc_buffer a_tile = {
    .offset = 1080, .rows = 4, .height = 10, .pitch = 72, .pixel = 8};
static const mcucc_buffer a_scratch = {.offset = 128};
/* Columns [begin, end) of column step u. */
static const int16_t b_loaded_columns[3][2] = {{0, 0}, {0, 0}, {7, 8}};
static const mcucc_buffer b_column_cache = {
    .offset = 880, .rows = 4, .height = 10, .pitch = 8, .pixel = 8};
static const mcucc_buffer b_tile = {
    .offset = 128, .rows = 4, .height = 10, .pitch = 72, .pixel = 8};
/* Columns [begin, end) of column step u. */
static const int16_t b_made_columns[3][2] = {{0, 0}, {0, 8}, {8, 16}};
static const mcucc_buffer a_row_cache = {
    .offset = 1368, .rows = 2, .height = 10, .pitch = 128, .pixel = 8};
static const mcucc_buffer b_scratch = {.offset = 816};
/* Columns [begin, end) of column step u. */
static const int16_t a_cached_columns[3][2] = {{0, 0}, {0, 7}, {7, 16}};
/* Columns [begin, end) of column step u. */
static const int16_t a_kept_columns[3][2] = {{0, 1}, {7, 9}, {0, 0}};
/* Columns [begin, end) of column step u. */
static const int16_t c_made_columns[3][2] = {{0, 0}, {0, 4}, {4, 8}};
static const mcucc_buffer b_row_cache = {
    .offset = 0, .rows = 1, .height = 10, .pitch = 128, .pixel = 8};
static const mcucc_buffer c_output = {
    .offset = 416, .rows = 5, .height = 5, .pitch = 32, .pixel = 4};
static const mcucc_buffer c_scratch = {.offset = 880};
/* Columns [begin, end) of column step u. */
static const int16_t b_kept_columns[3][2] = {{0, 0}, {7, 8}, {0, 0}};

/* Receive rows of image from the camera. */
MCUCC_CODE static int32_t receive_image(int8_t *arena, int32_t t, int32_t u,
                                        const mcucc_camera *camera)
{
    const mcucc_range rows = mcucc_sweep(t, 4, -2, 2, 10);
    const mcucc_range columns = mcucc_listed(image_received_columns[u]);

    if (columns.begin >= columns.end) {
        return 0;
    }
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

/* Load the columns of a that the step before kept: column cache -> tile. */
MCUCC_CODE static void load_columns_a(int8_t *arena, int32_t t, int32_t u)
{
    const mcucc_range rows = mcucc_sweep(t, 4, -3, 1, 10);
    const mcucc_range columns = mcucc_sweep(u, 8, -9, -7, 16);

    if (columns.begin >= columns.end) {
        return;
    }
    mcucc_copy(arena, &a_column_cache, columns.begin - a_left[u], &a_tile,
               columns.begin - a_left[u], rows, columns);
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
MCUCC_CODE static void run_a(int8_t *arena, int32_t t, int32_t u)
{
    const mcucc_range rows = mcucc_sweep(t, 4, -3, 1, 10);
    const mcucc_range columns = mcucc_sweep(u, 8, -7, 1, 16);
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
    mcucc_span span = {
        .begin = columns.begin, .end = columns.end, .scratch = arena + a_scratch.offset};
    const int32_t column = columns.begin - a_left[u];

    for (int32_t row = rows.begin; row < rows.end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_conv2d_armv7em_common(&a_params, window, mcucc_pixel(arena, &a_tile, row, column),
                                    &span);
    }
}

/* Load the columns of b that the step before kept: column cache -> tile. */
MCUCC_CODE static void load_columns_b(int8_t *arena, int32_t t, int32_t u)
{
    const mcucc_range rows = mcucc_sweep(t, 4, -4, 0, 10);
    const mcucc_range columns = mcucc_listed(b_loaded_columns[u]);

    if (columns.begin >= columns.end) {
        return;
    }
    mcucc_copy(arena, &b_column_cache, columns.begin - a_left[u], &b_tile,
               columns.begin - a_left[u], rows, columns);
}

static const mcucc_depthwise_armv7em_params b_params = {
    .dilation = 1,
    .pad_left = 1,
    .input_width = 16,
    .channels = 8,
    .tile = 8,
    .stream = net__b_stream,
    .addend = 2,
    .shift = 0,
    .input_zero_point = 38,
    .lo = -128,
    .hi = 127,
};

/* b: DepthwiseConv2d 3x3 p1,1,1,1 (armv7em smlad, high)
 * 10x16x8 -> 10x16x8, 11,520 MACs */
MCUCC_CODE static void run_b(int8_t *arena, int32_t t, int32_t u)
{
    const mcucc_range rows = mcucc_sweep(t, 4, -4, 0, 10);
    const mcucc_range columns = mcucc_listed(b_made_columns[u]);

    if (columns.begin >= columns.end) {
        return;
    }
    const mcucc_rows x0 = {
        .buffer = &a_row_cache,
        .data = mcucc_column(arena, &a_row_cache, a_left[u]),
        .fresh = &a_tile,
        .fresh_data = arena + a_tile.offset,
        .fresh_from = mcucc_sweep(t, 4, -3, 1, 10).begin,
        .padding = net__padding_38,
        .stride = 1,
        .pad = 1,
        .taps = 3,
        .dilation = 1,
    };
    const int8_t *window[3];
    mcucc_span span = {
        .begin = columns.begin,
        .end = columns.end,
        .input_column = a_left[u],
        .scratch = arena + b_scratch.offset,
    };
    const int32_t column = columns.begin - a_left[u];

    for (int32_t row = rows.begin; row < rows.end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_depthwise_armv7em_3_1_high(&b_params, window,
                                         mcucc_pixel(arena, &b_tile, row, column), &span);
    }
}

/* Keep the rows of a that later row steps read: tile -> row cache. */
MCUCC_CODE static void keep_rows_a(int8_t *arena, int32_t t, int32_t u)
{
    const mcucc_range rows = mcucc_sweep(t, 4, -1, 1, 10);
    const mcucc_range columns = mcucc_listed(a_cached_columns[u]);

    if (columns.begin >= columns.end) {
        return;
    }
    mcucc_copy(arena, &a_tile, columns.begin - a_left[u], &a_row_cache, columns.begin, rows,
               columns);
}

/* Keep the columns of a that the next step reads: tile -> column cache. */
MCUCC_CODE static void keep_columns_a(int8_t *arena, int32_t t, int32_t u)
{
    const mcucc_range rows = mcucc_sweep(t, 4, -3, 1, 10);
    const mcucc_range columns = mcucc_listed(a_kept_columns[u]);

    if (columns.begin >= columns.end) {
        return;
    }
    mcucc_copy(arena, &a_tile, columns.begin - a_left[u], &a_column_cache,
               columns.begin - a_left[u + 1], rows, columns);
}

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
MCUCC_CODE static void run_c(int8_t *arena, int32_t t, int32_t u)
{
    const mcucc_range rows = mcucc_sweep(t, 2, -2, 0, 5);
    const mcucc_range columns = mcucc_listed(c_made_columns[u]);

    if (columns.begin >= columns.end) {
        return;
    }
    const mcucc_rows x0 = {
        .buffer = &b_row_cache,
        .data = mcucc_column(arena, &b_row_cache, a_left[u]),
        .fresh = &b_tile,
        .fresh_data = arena + b_tile.offset,
        .fresh_from = mcucc_sweep(t, 4, -4, 0, 10).begin,
        .padding = net__padding_2,
        .stride = 2,
        .pad = 1,
        .taps = 3,
        .dilation = 1,
    };
    const int8_t *window[3];
    mcucc_span span = {
        .begin = columns.begin,
        .end = columns.end,
        .input_column = a_left[u],
        .scratch = arena + c_scratch.offset,
    };
    const int32_t column = columns.begin;

    for (int32_t row = rows.begin; row < rows.end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_conv2d_armv7em_high(&c_params, window, mcucc_pixel(arena, &c_output, row, column),
                                  &span);
    }
}

/* Keep the rows of b that later row steps read: tile -> row cache. */
MCUCC_CODE static void keep_rows_b(int8_t *arena, int32_t t, int32_t u)
{
    const mcucc_range rows = mcucc_sweep(t, 4, -1, 0, 10);
    const mcucc_range columns = mcucc_listed(a_cached_columns[u]);

    if (columns.begin >= columns.end) {
        return;
    }
    mcucc_copy(arena, &b_tile, columns.begin - a_left[u], &b_row_cache, columns.begin, rows,
               columns);
}

/* Keep the columns of b that the next step reads: tile -> column cache. */
MCUCC_CODE static void keep_columns_b(int8_t *arena, int32_t t, int32_t u)
{
    const mcucc_range rows = mcucc_sweep(t, 4, -4, 0, 10);
    const mcucc_range columns = mcucc_listed(b_kept_columns[u]);

    if (columns.begin >= columns.end) {
        return;
    }
    mcucc_copy(arena, &b_tile, columns.begin - a_left[u], &b_column_cache,
               columns.begin - a_left[u + 1], rows, columns);
}

/* The steps of stage 0. */
MCUCC_OUTLINE int32_t stage_0_c(int8_t *arena, int32_t begin, int32_t end,
                                const mcucc_camera *camera)
{
    int32_t ended;
    int32_t t = begin / 12;
    int32_t u = begin / 4 % 3;
    int32_t part = begin % 4;

    for (int32_t i = begin; i < end; i++) {
        if (part < 1) {
            ended = receive_image(arena, t, u, camera);
            if (ended != 0) {
                return ended;
            }
        } else if (part < 2) {
            load_columns_a(arena, t, u);
            run_a(arena, t, u);
        } else if (part < 3) {
            load_columns_b(arena, t, u);
            run_b(arena, t, u);
        } else {
            keep_rows_a(arena, t, u);
            keep_columns_a(arena, t, u);
            run_c(arena, t, u);
            keep_rows_b(arena, t, u);
            keep_columns_b(arena, t, u);
        }
        if (++part == 4) {
            part = 0;
            if (++u == 3) {
                u = 0;
                t++;
            }
        }
    }
    return 0;
}

/* In how many slices each step can be made. */
static const int16_t net_slice_counts[1] = {48};

/* Slices [begin, end) of a step. */
MCUCC_CODE static int32_t net_slices_of(void *arena, int32_t step, int32_t begin, int32_t end,
                                        const mcucc_camera *camera)
{
    MCUCC_ASSERT(arena != NULL && (uintptr_t)arena % MCUCC_ARENA_LEAST_ALIGNMENT == 0);
    MCUCC_ASSERT(camera != NULL && camera->read_row != NULL);
    switch (step) {
    case 0:
        return stage_0_c(arena, begin, end, camera);
    default:
        break;
    }
    return 0;
}
