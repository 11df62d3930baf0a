/* Stage 0: a
 *
 *   receive  image  all rows  camera -> image_image
 *   Conv2d   a      all rows  image_image -> a_tensor with scratch */
static const mcucc_buffer image_image = {
    .offset = 324, .rows = 9, .height = 9, .pitch = 27, .pixel = 3};
static const mcucc_buffer a_tensor = {.offset = 0, .rows = 9, .height = 9, .pitch = 36, .pixel = 4};
static const mcucc_buffer a_scratch = {.offset = 568};

/* Receive rows of image from the camera. */
MCUCC_CODE static int32_t receive_image(int8_t *arena, const mcucc_camera *camera)
{

    for (int32_t row = 0; row < 9; row++) {
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
    .input_width = 9,
    .input_channels = 3,
    .output_channels = 4,
    .runs = 1,
    .run = 9,
    .chunks = 7,
    .wide = 0,
    .stream = net__a_stream,
    .input_zero_point = -1,
    .output_zero_point = 4480,
    .lo = -128,
    .hi = 127,
};

/* a: Conv2d 3x3 p1,1,1,1 (armv7em smlad, common)
 * 9x9x3 -> 9x9x4, 8,748 MACs */
MCUCC_CODE static void run_a(int8_t *arena, int32_t begin, int32_t end)
{
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
    mcucc_span span = {.end = 9, .scratch = arena + a_scratch.offset};

    for (int32_t row = begin; row < end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_conv2d_armv7em_common(&a_params, window, mcucc_row(arena, &a_tensor, row), &span);
    }
}

/* The steps of stage 0. */
MCUCC_OUTLINE int32_t stage_0_a(int8_t *arena, int32_t begin, int32_t end,
                                const mcucc_camera *camera)
{
    int32_t ended;

    for (int32_t part = begin; part < end; part++) {
        if (part < 1) {
            ended = receive_image(arena, camera);
            if (ended != 0) {
                return ended;
            }
        } else {
            run_a(arena, part - 1, part);
        }
    }
    return 0;
}

/* Stage 1: c .. d
 * 2 nodes run together, each step a tile of 2 whole rows of the last.
 * t counts row steps, 3 of them.
 *
 *   d ends a block in groups of 8 channels
 *   for t in 0 .. 3:
 *     SplitBlock  c  rows 2t .. 2t+2  a_tensor -> d_sums_tile with scratch
 *     FinishSums  d  rows 2t .. 2t+2  d_sums_tile -> d_tensor */
static const mcucc_buffer c_scratch = {.offset = 324};
static const mcucc_buffer d_sums_tile = {
    .offset = 1156, .rows = 2, .height = 5, .pitch = 120, .pixel = 24};
static const mcucc_buffer c_expanded = {
    .offset = 756, .rows = 5, .height = 9, .pitch = 72, .pixel = 8};
static const mcucc_buffer c_filtered = {.offset = 1116};
static const mcucc_buffer d_tensor = {.offset = 0, .rows = 5, .height = 5, .pitch = 30, .pixel = 6};

static const mcucc_pointwise_armv7em_params c_expand_0_params[3] = {
    {
        .stride_w = 1,
        .input_channels = 4,
        .output_channels = 8,
        .chunks = 1,
        .wide = 0,
        .stream = net__c_expand_0_stream,
        .input_zero_point = 17,
        .output_zero_point = 104,
        .lo = -128,
        .hi = 127,
    },
    {
        .stride_w = 1,
        .input_channels = 4,
        .output_channels = 8,
        .chunks = 1,
        .wide = 0,
        .stream = net__c_expand_1_stream,
        .input_zero_point = 17,
        .output_zero_point = 104,
        .lo = -128,
        .hi = 127,
    },
    {
        .stride_w = 1,
        .input_channels = 4,
        .output_channels = 8,
        .chunks = 1,
        .wide = 0,
        .stream = net__c_expand_2_stream,
        .input_zero_point = 17,
        .output_zero_point = 104,
        .lo = -128,
        .hi = 127,
    },
};

static const mcucc_depthwise_armv7em_params c_depthwise_0_params[3] = {
    {
        .dilation = 1,
        .pad_left = 1,
        .input_width = 9,
        .channels = 8,
        .tile = 8,
        .stream = net__c_depthwise_0_stream,
        .addend = 13632,
        .shift = 6,
        .input_zero_point = 104,
        .lo = -128,
        .hi = 127,
    },
    {
        .dilation = 1,
        .pad_left = 1,
        .input_width = 9,
        .channels = 8,
        .tile = 8,
        .stream = net__c_depthwise_1_stream,
        .addend = 13632,
        .shift = 6,
        .input_zero_point = 104,
        .lo = -128,
        .hi = 127,
    },
    {
        .dilation = 1,
        .pad_left = 1,
        .input_width = 9,
        .channels = 8,
        .tile = 8,
        .stream = net__c_depthwise_2_stream,
        .addend = 6816,
        .shift = 5,
        .input_zero_point = 104,
        .lo = -128,
        .hi = 127,
    },
};

static const mcucc_partial_sums_armv7em_params c_project_0_params[3] = {
    {
        .input_channels = 8,
        .output_channels = 6,
        .first = 1,
        .chunks = 2,
        .wide = 0,
        .stream = net__c_project_0_stream,
    },
    {
        .input_channels = 8,
        .output_channels = 6,
        .first = 0,
        .chunks = 2,
        .wide = 0,
        .stream = net__c_project_1_stream,
    },
    {
        .input_channels = 8,
        .output_channels = 6,
        .first = 0,
        .chunks = 2,
        .wide = 0,
        .stream = net__c_project_2_stream,
    },
};

/* c: SplitBlock 1x1, 3x3 s2,2 p1,1,1,1, 1x1 in 3 groups of 8 channels
 * 9x9x4 -> 5x5x24, 16,776 MACs */
MCUCC_CODE static void run_c(int8_t *arena, int32_t t, int32_t begin, int32_t end)
{
    const mcucc_range rows = mcucc_sweep(t, 2, 0, 2, 5);
    const mcucc_range columns = {0, 5};

    const mcucc_range tall = mcucc_reach(rows, 2, 1, 3, 9);
    const mcucc_range wide = mcucc_reach(columns, 2, 1, 3, 9);
    const mcucc_rows x0 = {
        .buffer = &a_tensor, .data = arena + a_tensor.offset, .stride = 1, .taps = 1};
    const int8_t *window[3];
    const mcucc_rows expanded_rows = {
        .buffer = &c_expanded,
        .data = arena + c_expanded.offset,
        .padding = net__padding_104,
        .stride = 2,
        .pad = 1,
        .taps = 3,
        .dilation = 1,
    };
    int8_t *const expanded = arena + c_expanded.offset;
    int8_t *const filtered = arena + c_filtered.offset;
    mcucc_span input = {.begin = wide.begin, .end = wide.end, .scratch = arena + c_scratch.offset};
    mcucc_span span = {.end = 5, .input_column = wide.begin, .scratch = arena + c_scratch.offset};
    mcucc_span sums = {.end = 5, .scratch = arena + c_scratch.offset};

    const mcucc_range groups = mcucc_sweep(0, 0, begin, end, 3);
    for (int32_t group = groups.begin; group < groups.end; group++) {
        for (input.row = tall.begin; input.row < tall.end; input.row++) {
            const int32_t slot = mcucc_slot(input.row, c_expanded.rows);
            int8_t *const made = expanded + slot * c_expanded.pitch;

            mcucc_window(window, &x0, input.row);
            mcucc_pointwise_armv7em_high(&c_expand_0_params[group], window, made, &input);
        }
        for (int32_t row = rows.begin; row < rows.end; row++) {
            span.row = sums.row = row;
            mcucc_window(window, &expanded_rows, row);
            mcucc_depthwise_armv7em_3_2_common(&c_depthwise_0_params[group], window, filtered,
                                               &span);
            window[0] = filtered;
            mcucc_partial_sums_armv7em(&c_project_0_params[group], window,
                                       mcucc_row(arena, &d_sums_tile, row), &sums);
        }
    }
}

static const mcucc_finish_sums_form_params d_params = {
    .channels = 6,
    .finish.bias = net__d_bias,
    .finish.multiplier = net__d_multiplier,
    .finish.shifts = NULL,
    .finish.addend = 2032,
    .finish.shift = 5,
    .input_zero_point = 106,
    .lo = -128,
    .hi = 127,
};

/* d: FinishSums int32 to int8 (portable, common)
 * 5x5x24 -> 5x5x6 */
MCUCC_CODE static void run_d(int8_t *arena, int32_t t)
{
    const mcucc_range rows = mcucc_sweep(t, 2, 0, 2, 5);
    const mcucc_rows x0 = {
        .buffer = &d_sums_tile, .data = arena + d_sums_tile.offset, .stride = 1, .taps = 1};
    const int8_t *window[1];
    mcucc_span span = {.end = 5};

    for (int32_t row = rows.begin; row < rows.end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_finish_sums_form_common(&d_params, window, mcucc_row(arena, &d_tensor, row), &span);
    }
}

/* The steps of stage 1. */
MCUCC_OUTLINE void stage_1_d(int8_t *arena, int32_t begin, int32_t end)
{
    int32_t t = begin / 4;
    int32_t part = begin % 4;

    for (int32_t i = begin; i < end; i++) {
        if (part < 3) {
            run_c(arena, t, part, part + 1);
        } else {
            run_d(arena, t);
        }
        if (++part == 4) {
            part = 0;
            t++;
        }
    }
}

/* Stage 2: e */
static const mcucc_buffer e_output = {
    .offset = 152, .rows = 5, .height = 5, .pitch = 15, .pixel = 3};
static const mcucc_buffer e_scratch = {.offset = 228};

static const mcucc_pointwise_armv7em_params e_params = {
    .stride_w = 1,
    .input_channels = 6,
    .output_channels = 3,
    .chunks = 2,
    .wide = 0,
    .stream = net__e_stream,
    .input_zero_point = 63,
    .output_zero_point = 82,
    .lo = -128,
    .hi = 127,
};

/* e: Conv2d 1x1 (armv7em smlad 1x1, high)
 * 5x5x6 -> 5x5x3, 450 MACs */
MCUCC_CODE static void run_e(int8_t *arena, int32_t begin, int32_t end)
{
    const mcucc_rows x0 = {
        .buffer = &d_tensor, .data = arena + d_tensor.offset, .stride = 1, .taps = 1};
    const int8_t *window[1];
    mcucc_span span = {.end = 5, .scratch = arena + e_scratch.offset};

    for (int32_t row = begin; row < end; row++) {
        span.row = row;
        mcucc_window(window, &x0, row);
        mcucc_pointwise_armv7em_high(&e_params, window, mcucc_row(arena, &e_output, row), &span);
    }
}

/* In how many slices each step can be made. */
static const int16_t net_slice_counts[3] = {10, 12, 5};

/* Slices [begin, end) of a step. */
MCUCC_CODE static int32_t net_slices_of(void *arena, int32_t step, int32_t begin, int32_t end,
                                        const mcucc_camera *camera)
{
    MCUCC_ASSERT(arena != NULL && (uintptr_t)arena % MCUCC_ARENA_LEAST_ALIGNMENT == 0);
    MCUCC_ASSERT(camera != NULL && camera->read_row != NULL);
    switch (step) {
    case 0:
        return stage_0_a(arena, begin, end, camera);
    case 1:
        stage_1_d(arena, begin, end);
        break;
    case 2:
        run_e(arena, begin, end);
        break;
    default:
        break;
    }
    return 0;
}
