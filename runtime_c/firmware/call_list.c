/* Firmware for a Cortex-M in QEMU: makes the calls of a list, times each of them, and writes the
 * memory they worked on into the file memory.bin. mcucc/backends/calls/qemu.py makes the list
 * and lays out the memory; it defines LIST, where the list is loaded, and TIMER_ADDRESS.
 *
 * Virtual time follows the executed instructions (-icount), the timer counts it.
 */
#include <stdint.h>

#include "mcucc/compiler.h"

#define TIMER (*(volatile uint32_t *)TIMER_ADDRESS)
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define BFAR (*(volatile uint32_t *)0xE000ED38u)

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_EXIT_EXTENDED = 0x20 };

typedef void (*function)(uint32_t, uint32_t, uint32_t, uint32_t);

/* `bytes` bytes are copied first: a row that shall end where memory ends. */
typedef struct {
    uint32_t function;
    uint32_t arguments[4];
    uint32_t from;
    uint32_t to;
    uint32_t bytes;
    uint32_t ticks;
} call;

typedef struct {
    uint32_t total; /* bytes of list and memory */
    uint32_t count;
    uint32_t fault[4]; /* the call, its status register, its address, where it was */
    call calls[];
} call_list;

extern uint32_t stack_top[];
static uint32_t current;

__attribute__((noinline)) static uint32_t semihost(uint32_t operation, const void *block)
{
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = block;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void write_and_exit(uint32_t status)
{
    const call_list *list = (const call_list *)LIST;
    const uint32_t open[3] = {(uint32_t)"memory.bin", 5, 10};
    const uint32_t write[3] = {semihost(SYS_OPEN, open), LIST, list->total};
    const uint32_t end[2] = {0x20026, status};
    semihost(SYS_WRITE, write);
    for (;;) {
        semihost(SYS_EXIT_EXTENDED, end);
    }
}

/* A call that does nothing: what timing itself costs. */
MCUCC_NAKED void nothing(void)
{
    __asm volatile("bx lr");
}

__attribute__((used)) static void report(const uint32_t *frame)
{
    call_list *list = (call_list *)LIST;
    list->fault[0] = current;
    list->fault[1] = CFSR;
    list->fault[2] = BFAR;
    list->fault[3] = frame[6];
    write_and_exit(70);
}

MCUCC_NAKED static void fault(void)
{
    /* clang-format off */
    __asm volatile("mrs r0, msp\n"
                   "b report\n");
    /* clang-format on */
}

__attribute__((used)) static void start(void)
{
    call_list *list = (call_list *)LIST;
#ifdef TRAP_UNALIGNED
    CCR |= 1u << 3; /* UNALIGN_TRP: words and halfwords at odd addresses fault */
#endif
    for (current = 0; current < list->count; ++current) {
        call *each = &list->calls[current];
        const uint8_t *from = (const uint8_t *)each->from;
        volatile uint8_t *to = (volatile uint8_t *)each->to;
        for (uint32_t i = 0; i < each->bytes; ++i) {
            to[i] = from[i];
        }
        const function run = (function)each->function;
        const uint32_t begin = TIMER;
        run(each->arguments[0], each->arguments[1], each->arguments[2], each->arguments[3]);
        each->ticks = TIMER - begin;
    }
    write_and_exit(0);
}

MCUCC_NAKED static void reset(void)
{
    /* clang-format off */
    __asm volatile("ldr r0, =0xE000ED88 \n" /* CPACR: FPU and MVE */
                   "ldr r1, =0x00F00000 \n"
                   "str r1, [r0]        \n"
                   "dsb                 \n"
                   "isb                 \n"
                   "b start             \n");
    /* clang-format on */
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top,     (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};
