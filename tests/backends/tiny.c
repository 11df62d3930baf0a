/* A network by hand: three steps over an 8 x 6 image. On demand it misbehaves, so that the tests
 * see each kind of failure. */
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

/* An image that begins with POKE asks for trouble: its fifth byte says what, a little-endian word
 * at its ninth where. */
__attribute__((noinline)) void JOIN(NAME, _misbehave)(const uint8_t *image);
__attribute__((noinline)) void JOIN(NAME, _misbehave)(const uint8_t *image)
{
    uintptr_t address = 0;
    if (memcmp(image, "POKE", 4) != 0) {
        return;
    }
    for (int32_t index = 3; index >= 0; --index) {
        address = address << 8 | image[8 + index];
    }
    if (image[4] == 'w') {
        *(volatile uint8_t *)address = 1;
    } else if (image[4] == 'r') {
        (void)*(volatile uint32_t *)address;
    } else {
        for (volatile int32_t turn = 0; turn >= 0; turn = 1) {
        }
    }
}

#ifdef KNOWN_STEPS /* steps 3 and 4: calls of functions of 1001 and 1101 instructions */
#define STEPS 5
#ifdef __riscv
#define RETURN "ret"
#else
#define RETURN "bx lr"
#endif
__attribute__((naked, noinline)) static void thousand(void)
{
    __asm volatile(".rept 1000 \n nop \n .endr \n" RETURN);
}
__attribute__((naked, noinline)) static void hundred_more(void)
{
    __asm volatile(".rept 1100 \n nop \n .endr \n" RETURN);
}
#else
#define STEPS 3
#endif

static void run_step(void *arena, int32_t step)
{
    uint8_t *bytes = arena;
#ifdef KNOWN_STEPS
    if (step > 2) {
        void (*const known[2])(void) = {thousand, hundred_more};
        known[step - 3]();
        return;
    }
#endif
    if (step == 0) {
#ifdef TURNS /* a step that takes long */
        for (volatile int32_t turn = 0; turn < TURNS; ++turn) {
        }
#endif
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
    for (int32_t step = 0; step < STEPS; ++step) {
        run_step(arena, step);
    }
}

static const mcucc_tensor inputs[] = {{"image", 6, 8, 1, 1.0f, -128, INPUT, 1}};
static const mcucc_tensor outputs[] = {{"scores", 1, 1, 8, 0.5f, 0, OUTPUT, 1},
                                       {"check", 1, 2, 2, 1.0f, 0, CHECK, 1}};
static const char *const step_names[5] = {"mirror", "sum", "scores", "thousand", "hundred more"};

extern const mcucc_model JOIN(NAME, _model);
const mcucc_model JOIN(NAME, _model) = {
    .name = "tiny",
    .id = 0x1234abcd,
    .arena_bytes = ARENA_BYTES,
    .input_count = 1,
    .output_count = 2,
    .step_count = STEPS,
    .inputs = inputs,
    .outputs = outputs,
    .step_names = step_names,
    .run = run,
    .run_step = run_step,
};
