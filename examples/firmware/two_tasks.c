/* The network in two tasks of one priority, each with an arena of its own: FreeRTOS switches
 * between them at every tick, in the middle of kernels, and each computes as if it were alone. */
#include <string.h>

#include "FreeRTOS.h"
#include "task.h"

#include "board.h"
#include "person.h"
#include "registers.h"
#include "sensor.h"

#ifndef PERSON_STACK_BYTES
#define PERSON_STACK_BYTES 2048
#endif
#define WORDS(bytes) (((bytes) + 3) / 4)

typedef struct {
    uint32_t frame;
    uint64_t arena[(PERSON_ARENA_BYTES + 7) / 8];
    StackType_t stack[WORDS(PERSON_STACK_BYTES + 512)];
    StaticTask_t task;
    volatile int32_t turns;
} worker;

#define TURNS 3

static worker workers[2];
static volatile int32_t switches;
static StackType_t report_stack[WORDS(1024)];
static StaticTask_t report_task;

void line_interrupt(void)
{
}

void load_interrupt(void)
{
    scribble_registers(1);
}

/* The picture lies in memory. */
static int32_t read_row(void *context, int32_t input, int32_t row, uint8_t *pixels)
{
    static const worker *last;
    const worker *const self = context;
    const uint8_t *frame =
        SENSOR_FRAMES + self->frame * PERSON_FRAME_HEIGHT * PERSON_FRAME_ROW_BYTES;

    (void)input;
    if (last != self) {
        last = self;
        ++switches;
    }
    memcpy(pixels, frame + row * PERSON_FRAME_ROW_BYTES, PERSON_FRAME_ROW_BYTES);
    return 0;
}

static void work(void *parameters)
{
    worker *const self = parameters;
    mcucc_camera camera = {read_row, NULL};

    camera.context = self;
    while (self->turns < TURNS) {
        (void)person_run(self->arena, &camera);
        ++self->turns;
    }
    for (;;) {
        vTaskDelay(portMAX_DELAY);
    }
}

static void report(void *parameters)
{
    (void)parameters;
    while (workers[0].turns < TURNS || workers[1].turns < TURNS) {
        vTaskDelay(1);
        scribble_registers((uint32_t)switches);
    }
    for (uint32_t index = 0; index < 2; ++index) {
        board_print("frame ");
        board_print_number((int32_t)index);
        board_print(":");
        for (int32_t each = 0; each < person_model.output_count; ++each) {
            const mcucc_tensor *const output = &person_model.outputs[each];
            const uint8_t *const bytes = (const uint8_t *)workers[index].arena + output->offset;

            board_print(" ");
            board_print(output->name);
            board_print(" ");
            for (int32_t at = 0;
                 at < output->height * output->width * output->channels * output->value_bytes;
                 ++at) {
                board_print_byte(bytes[at]);
            }
        }
        board_print("\n");
    }
    board_print("switches ");
    board_print_number(switches);
    board_print("\ndone\n");
    for (;;) {
        vTaskDelay(portMAX_DELAY);
    }
}

int main(void)
{
    board_start_load(SENSOR_SETTINGS->load_us);
    for (uint32_t index = 0; index < 2; ++index) {
        worker *const each = &workers[index];

        each->frame = index;
        (void)xTaskCreateStatic(work, "network", WORDS(sizeof each->stack), each, 1, each->stack,
                                &each->task);
    }
    (void)xTaskCreateStatic(report, "report", WORDS(sizeof report_stack), NULL, 2, report_stack,
                            &report_task);
    vTaskStartScheduler();
    return 0;
}
