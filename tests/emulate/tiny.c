/* A network by hand: three steps over an 8 x 6 image. What it does wrong on demand is chosen by
 * macros, so that the tests see each kind of failure. */
#include <mcucc/mcucc.h>
#include <string.h>

#ifndef NAME
#define NAME tiny
#endif
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#ifndef ARENA_BYTES
#define ARENA_BYTES 128
#endif
#ifndef FRAME_BYTES
#define FRAME_BYTES 64
#endif
#ifndef FACTOR
#define FACTOR 3
#endif

enum { PIXELS = 48, INPUT = 0, SUMS = 64, OUTPUT = 112, CHECK = 120 };

static const int8_t bias[8] = {1, -2, 3, -4, 5, -6, 7, -8};
int32_t JOIN(NAME, _start) = 5; /* .data, to see that it is initialised and counted */
static int32_t last_sum;       /* .bss */

__attribute__((noinline)) static int32_t sum_of(const uint8_t *data, int32_t count)
{
    int32_t sum = 0;
    for (int32_t index = 0; index < count; ++index) {
        sum += (data[index] & 1) != 0 ? data[index] * FACTOR : data[index];
    }
    return sum;
}

__attribute__((noinline)) static void mirror(uint8_t *arena)
{
    volatile uint8_t frame[FRAME_BYTES];
    for (int32_t index = 0; index < FRAME_BYTES; ++index) {
        frame[index] = (uint8_t)index;
    }
    for (int32_t index = 0; index < PIXELS; ++index) {
        arena[SUMS + index] = (uint8_t)(arena[INPUT + PIXELS - 1 - index] ^ frame[index]);
    }
}

__attribute__((noinline)) void JOIN(NAME, _misbehave)(uint8_t *arena);
__attribute__((noinline)) void JOIN(NAME, _misbehave)(uint8_t *arena)
{
    (void)arena;
#ifdef WRITE_OFFSET
    ((volatile uint8_t *)arena)[WRITE_OFFSET] = 1;
#endif
#ifdef WRITE_ADDRESS
    *(volatile uint8_t *)(uintptr_t)(WRITE_ADDRESS) = 1;
#endif
#ifdef WRITE_CODE
    *(volatile int8_t *)(uintptr_t)bias = 1;
#endif
#ifdef HANG
    for (volatile int32_t turn = 0; turn >= 0; turn = 1) {
    }
#endif
}

static void run_step(void *arena, int32_t step)
{
    uint8_t *bytes = arena;
    if (step == 0) {
        mirror(bytes);
    } else if (step == 1) {
        last_sum = sum_of(bytes + INPUT, PIXELS) + JOIN(NAME, _start);
        JOIN(NAME, _misbehave)(bytes);
    } else {
        float mean = (float)last_sum / 48.0f;
        memcpy(bytes + CHECK, bytes + SUMS, 4);
        for (int32_t index = 0; index < 8; ++index) {
            bytes[OUTPUT + index] = (uint8_t)((int32_t)mean + bias[index] + bytes[SUMS + index]);
        }
    }
}

static void run(void *arena)
{
    for (int32_t step = 0; step < 3; ++step) {
        run_step(arena, step);
    }
}

static const mcucc_tensor inputs[] = {{"image", 6, 8, 1, 1.0f, -128, INPUT}};
static const mcucc_tensor outputs[] = {{"scores", 1, 1, 8, 0.5f, 0, OUTPUT},
                                       {"check", 1, 2, 2, 1.0f, 0, CHECK}};
static const char *const step_names[] = {"mirror", "sum", "scores"};

extern const mcucc_model JOIN(NAME, _model);
const mcucc_model JOIN(NAME, _model) = {
    "tiny", 0x1234abcd, ARENA_BYTES, 1, 2, 3, inputs, outputs, step_names, run, run_step,
};
