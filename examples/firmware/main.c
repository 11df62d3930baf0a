/* A person detector on FreeRTOS: the network in a task of low priority, lines from a camera by
 * interrupt, a control loop that must not wait, a watchdog. */
#include "FreeRTOS.h"
#include "task.h"

#include "board.h"
#include "camera.h"
#include "person.h"
#include "registers.h"
#include "sensor.h"

/* Beside the network's own stack: read_row with FreeRTOS below it, and what an interrupt and a
 * switch of tasks save on the stack of the task they stop (at most 212 bytes, FPU included). */
#ifndef PERSON_STACK_BYTES
#define PERSON_STACK_BYTES 2048 /* report.json's sram.stack, where the header does not say it */
#endif
#define NETWORK_STACK_BYTES (PERSON_STACK_BYTES + 512)
#define WORDS(bytes) (((bytes) + 3) / 4)

#define CONTROL_PERIOD_MS 5

PERSON_STATIC_ARENA(arena);
static StackType_t network_stack[WORDS(NETWORK_STACK_BYTES)];
static StackType_t control_stack[WORDS(1024)];
static StackType_t button_stack[WORDS(1024)];
static StaticTask_t network_task, control_task, button_task;
static TaskHandle_t network, control;
static volatile int32_t control_turns, control_latest_us;
static volatile uint32_t load_turns;

static void print_outputs(void)
{
    for (int32_t index = 0; index < person_model.output_count; ++index) {
        const mcucc_tensor *const output = &person_model.outputs[index];
        const uint8_t *const bytes = (const uint8_t *)arena + output->offset;
        const int32_t count =
            output->height * output->width * output->channels * output->value_bytes;

        board_print(" ");
        board_print(output->name);
        board_print(" ");
        for (int32_t at = 0; at < count; ++at) {
            board_print_byte(bytes[at]);
        }
    }
}

static const char *reason(int32_t status)
{
    switch (status) {
    case CAMERA_OVERRUN:
        return "lines were lost";
    case CAMERA_SILENT:
        return "no lines come";
    case CAMERA_CANCELLED:
        return "cancelled";
    default:
        return "unknown";
    }
}

static void print_field(const char *name, int32_t value)
{
    board_print(name);
    board_print(" ");
    board_print_number(value);
    board_print("\n");
}

static void run_network(void *parameters)
{
    static const mcucc_camera camera = {camera_read_row, NULL};

    (void)parameters;
    for (uint32_t frame = 0; frame < SENSOR_SETTINGS->frames; ++frame) {
        int32_t status = CAMERA_OK;

        camera_start(frame);
        /* In slices: what follows the last line is long, and no read_row is called in it. */
        for (int32_t slice = 0; slice < PERSON_SLICES && status == CAMERA_OK; ++slice) {
            board_feed_watchdog();
            status = person_run_slice(arena, slice, &camera);
        }
        camera_stop();
        board_print("frame ");
        board_print_number((int32_t)frame);
        board_print(":");
        if (status == CAMERA_OK) {
            print_outputs();
        } else {
            board_print(" none, ");
            board_print(reason(status));
        }
        board_print("\n");
    }
    print_field("stack bytes", (int32_t)sizeof network_stack);
    print_field("stack left",
                (int32_t)(uxTaskGetStackHighWaterMark(network) * sizeof(StackType_t)));
    print_field("control turns", control_turns);
    print_field("control latest us", control_latest_us);
    print_field("load turns", (int32_t)load_turns);
    board_print("done\n");
    for (;;) {
        board_feed_watchdog();
        vTaskDelay(1);
    }
}

/* Every CONTROL_PERIOD_MS, whatever the network does; it computes with floats as control does. */
static void run_control(void *parameters)
{
    TickType_t wake = xTaskGetTickCount();
    uint32_t due = board_microseconds();

    (void)parameters;
    for (;;) {
        int32_t late;

        vTaskDelayUntil(&wake, pdMS_TO_TICKS(CONTROL_PERIOD_MS));
        due += CONTROL_PERIOD_MS * 1000u;
        late = (int32_t)(board_microseconds() - due);
        if (late > control_latest_us) {
            control_latest_us = late;
        }
        scribble_registers((uint32_t)control_turns);
        ++control_turns;
    }
}

/* A user who wants something else: the picture that is being taken is not wanted any more. */
static void press_button(void *parameters)
{
    (void)parameters;
    if (SENSOR_SETTINGS->cancel_us != SENSOR_NEVER) {
        vTaskDelay(pdMS_TO_TICKS(SENSOR_SETTINGS->cancel_us / 1000u));
        camera_cancel();
    }
    for (;;) {
        vTaskDelay(portMAX_DELAY);
    }
}

void load_interrupt(void)
{
    scribble_registers(++load_turns);
}

int main(void)
{
    print_field("start", (int32_t)board_starts());
    board_start_watchdog(SENSOR_SETTINGS->watchdog_ms);
    board_start_load(SENSOR_SETTINGS->load_us);
    network = xTaskCreateStatic(run_network, "network", WORDS(NETWORK_STACK_BYTES), NULL, 1,
                                network_stack, &network_task);
    control = xTaskCreateStatic(run_control, "control", WORDS(sizeof control_stack), NULL, 4,
                                control_stack, &control_task);
    (void)xTaskCreateStatic(press_button, "button", WORDS(sizeof button_stack), NULL, 3,
                            button_stack, &button_task);
    vTaskStartScheduler();
    return 0;
}
