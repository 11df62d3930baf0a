/* Stage 0: conv_0 */
static const mcucc_buffer conv_0_tensor = {
    .offset = 0, .rows = 3, .height = 3, .pitch = 12, .pixel = 4};
static const mcucc_buffer conv_0_scratch = {.offset = 36};

static const mcucc_conv2d_armv7em_params conv_0_params = {
    .kernel_h = 3,
    .kernel_w = 3,
    .stride_w = 2,
    .dilation_w = 1,
    .pad_left = 1,
    .input_width = 6,
    .input_channels = 3,
    .output_channels = 4,
    .runs = 1,
    .run = 9,
    .chunks = 7,
    .wide = 0,
    .stream = net__conv_0_stream,
    .input_zero_point = -1,
    .output_zero_point = -256,
    .lo = -128,
    .hi = 127,
};

/* conv_0: Conv2d 3x3 s2,2 p1,1,1,1 (armv7em smlad, common)
 * 6x6x3 -> 3x3x4, 972 MACs */
MCUCC_CODE static void run_conv_0(int8_t *arena, int32_t begin, int32_t end)
{
    const mcucc_rows x0 = {
        .buffer = &image_image,
        .data = arena + image_image.offset,
        .padding = net__padding_m1,
        .stride = 2,
        .pad = 1,
        .taps = 3,
        .dilation = 1,
    };
    const int8_t *window[3];
    mcucc_span span = {.end = 3, .scratch = arena + conv_0_scratch.offset};

    for (int32_t row = begin; row < end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_conv2d_armv7em_common(&conv_0_params, window, mcucc_row(arena, &conv_0_tensor, row),
                                    &span);
    }
}

/* Stage 1: conv_1 */
static const mcucc_buffer conv_1_tensor = {
    .offset = 36, .rows = 3, .height = 3, .pitch = 24, .pixel = 8};
static const mcucc_buffer conv_1_scratch = {.offset = 108};

static const mcucc_pointwise_armv7em_params conv_1_params = {
    .stride_w = 1,
    .input_channels = 4,
    .output_channels = 8,
    .chunks = 1,
    .wide = 0,
    .stream = net__conv_1_stream,
    .input_zero_point = -1,
    .output_zero_point = -25,
    .lo = -128,
    .hi = 127,
};

/* conv_1: Conv2d 1x1 (armv7em smlad 1x1, high)
 * 3x3x4 -> 3x3x8, 288 MACs */
MCUCC_CODE static void run_conv_1(int8_t *arena, int32_t begin, int32_t end)
{
    const mcucc_rows x0 = {
        .buffer = &conv_0_tensor, .data = arena + conv_0_tensor.offset, .stride = 1, .taps = 1};
    const int8_t *window[1];
    mcucc_span span = {.end = 3, .scratch = arena + conv_1_scratch.offset};

    for (int32_t row = begin; row < end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_pointwise_armv7em_high(&conv_1_params, window, mcucc_row(arena, &conv_1_tensor, row),
                                     &span);
    }
}

/* Stage 2: dw_2 */
static const mcucc_buffer dw_2_tensor = {
    .offset = 108, .rows = 3, .height = 3, .pitch = 24, .pixel = 8};
static const mcucc_buffer dw_2_scratch = {.offset = 180};

static const mcucc_depthwise_armv7em_params dw_2_params = {
    .dilation = 1,
    .pad_left = 1,
    .input_width = 3,
    .channels = 8,
    .tile = 4,
    .stream = net__dw_2_stream,
    .addend = 3856,
    .shift = 4,
    .input_zero_point = -25,
    .lo = -128,
    .hi = 127,
};

/* dw_2: DepthwiseConv2d 3x3 p1,1,1,1 (armv7em smlad, common)
 * 3x3x8 -> 3x3x8, 648 MACs */
MCUCC_CODE static void run_dw_2(int8_t *arena, int32_t begin, int32_t end)
{
    const mcucc_rows x0 = {
        .buffer = &conv_1_tensor,
        .data = arena + conv_1_tensor.offset,
        .padding = net__padding_m25,
        .stride = 1,
        .pad = 1,
        .taps = 3,
        .dilation = 1,
    };
    const int8_t *window[3];
    mcucc_span span = {.end = 3, .scratch = arena + dw_2_scratch.offset};

    for (int32_t row = begin; row < end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_depthwise_armv7em_3_1_common(&dw_2_params, window,
                                           mcucc_row(arena, &dw_2_tensor, row), &span);
    }
}

/* Stage 3: conv_3 */
static const mcucc_buffer conv_3_tensor = {
    .offset = 36, .rows = 3, .height = 3, .pitch = 12, .pixel = 4};
static const mcucc_buffer conv_3_scratch = {.offset = 72};

static const mcucc_pointwise_armv7em_params conv_3_params = {
    .stride_w = 1,
    .input_channels = 8,
    .output_channels = 4,
    .chunks = 2,
    .wide = 0,
    .stream = net__conv_3_stream,
    .input_zero_point = 120,
    .output_zero_point = -22,
    .lo = -128,
    .hi = 127,
};

/* conv_3: Conv2d 1x1 (armv7em smlad 1x1, high)
 * 3x3x8 -> 3x3x4, 288 MACs */
MCUCC_CODE static void run_conv_3(int8_t *arena, int32_t begin, int32_t end)
{
    const mcucc_rows x0 = {
        .buffer = &dw_2_tensor, .data = arena + dw_2_tensor.offset, .stride = 1, .taps = 1};
    const int8_t *window[1];
    mcucc_span span = {.end = 3, .scratch = arena + conv_3_scratch.offset};

    for (int32_t row = begin; row < end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_pointwise_armv7em_high(&conv_3_params, window, mcucc_row(arena, &conv_3_tensor, row),
                                     &span);
    }
}

/* Stage 4: add_4 */
static const mcucc_buffer add_4_tensor = {
    .offset = 0, .rows = 3, .height = 3, .pitch = 12, .pixel = 4};

static const mcucc_add_armv7em_params add_4_params = {
    .channels = 4,
    .multiplier_a = 1486288,
    .multiplier_b = 1096152,
    .bias = 34514528,
    .shift = 20,
    .lo = -128,
    .hi = 127,
};

/* add_4: Add (armv7em ssat)
 * 3x3x4, 3x3x4 -> 3x3x4 */
MCUCC_CODE static void run_add_4(int8_t *arena, int32_t begin, int32_t end)
{
    const mcucc_rows x0 = {
        .buffer = &conv_0_tensor, .data = arena + conv_0_tensor.offset, .stride = 1, .taps = 1};
    const mcucc_rows x1 = {
        .buffer = &conv_3_tensor, .data = arena + conv_3_tensor.offset, .stride = 1, .taps = 1};
    const int8_t *window[2];
    mcucc_span span = {.end = 3};

    for (int32_t row = begin; row < end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_window(&window[1], &x1, row);
        mcucc_add_armv7em(&add_4_params, window, mcucc_row(arena, &add_4_tensor, row), &span);
    }
}

/* Stage 5: globalaveragepool_5 */
static const mcucc_buffer globalaveragepool_5_scratch = {.offset = 36};
static const mcucc_buffer globalaveragepool_5_tensor = {
    .offset = 0, .rows = 1, .height = 1, .pitch = 4, .pixel = 4};

static const mcucc_global_average_pool_armv7em_params globalaveragepool_5_params = {
    .channels = 4,
    .bias = -72,
    .multiplier = 1444723580,
    .shift = 33,
    .double_rounding = 0,
    .divisor = 0,
    .output_zero_point = 44,
    .lo = -128,
    .hi = 127,
};

/* globalaveragepool_5: GlobalAveragePool (armv7em sxtab16)
 * 3x3x4 -> 1x1x4 */
MCUCC_CODE static void run_globalaveragepool_5(int8_t *arena, int32_t begin, int32_t end)
{
    const mcucc_rows x0 = {
        .buffer = &add_4_tensor, .data = arena + add_4_tensor.offset, .stride = 1, .taps = 1};
    const int8_t *window[1];
    int32_t *const sums = mcucc_sums(arena, &globalaveragepool_5_scratch);
    mcucc_span span = {.end = 3};

    for (int32_t row = begin; row < end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_global_average_pool_armv7em_row(&globalaveragepool_5_params, window, sums, &span);
    }
}

/* The steps of stage 5. */
MCUCC_OUTLINE void stage_5_globalaveragepool_5(int8_t *arena, int32_t begin, int32_t end)
{
    if (begin == 0) {
        mcucc_global_average_pool_armv7em_begin(&globalaveragepool_5_params,
                                                mcucc_sums(arena, &globalaveragepool_5_scratch));
    }
    for (int32_t part = begin; part < end; part++) {
        run_globalaveragepool_5(arena, part, part + 1);
    }
    if (end == 3) {
        mcucc_global_average_pool_armv7em_finish(&globalaveragepool_5_params,
                                                 mcucc_sums(arena, &globalaveragepool_5_scratch),
                                                 arena + globalaveragepool_5_tensor.offset);
    }
}

/* Stage 7: fc_7 */
static const mcucc_buffer reshape_6_tensor = {
    .offset = 0, .rows = 1, .height = 1, .pitch = 4, .pixel = 4};
static const mcucc_buffer fc_7_output = {
    .offset = 20, .rows = 1, .height = 1, .pitch = 3, .pixel = 3};
static const mcucc_buffer fc_7_scratch = {.offset = 4};

static const mcucc_fully_connected_armv7em_params fc_7_params = {
    .inputs = 4,
    .outputs = 3,
    .chunks = 1,
    .wide = 0,
    .stream = net__fc_7_stream,
    .input_zero_point = 44,
    .output_zero_point = 65,
    .lo = -128,
    .hi = 127,
};

/* fc_7: FullyConnected (armv7em smlad, high)
 * 1x1x4 -> 1x1x3, 12 MACs */
MCUCC_CODE static void run_fc_7(int8_t *arena)
{
    const int8_t *const rows[] = {arena + reshape_6_tensor.offset};
    const mcucc_span span = {.scratch = arena + fc_7_scratch.offset};

    mcucc_fully_connected_armv7em_high(&fc_7_params, rows, arena + fc_7_output.offset, &span);
}

/* In how many slices each step can be made. */
static const int16_t net_slice_counts[8] = {
    1, 3, 3, 3, 3, 3, 3, 1,
};

/* Slices [begin, end) of a step. */
MCUCC_CODE static void net_slices_of(void *arena, int32_t step, int32_t begin, int32_t end)
{
    MCUCC_ASSERT(arena != NULL && (uintptr_t)arena % MCUCC_ARENA_LEAST_ALIGNMENT == 0);
    switch (step) {
    case 0:
        run_camera_image(arena);
        break;
    case 1:
        run_conv_0(arena, begin, end);
        break;
    case 2:
        run_conv_1(arena, begin, end);
        break;
    case 3:
        run_dw_2(arena, begin, end);
        break;
    case 4:
        run_conv_3(arena, begin, end);
        break;
    case 5:
        run_add_4(arena, begin, end);
        break;
    case 6:
        stage_5_globalaveragepool_5(arena, begin, end);
        break;
    case 7:
        run_fc_7(arena);
        break;
    default:
        break;
    }
}
