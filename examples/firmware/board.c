/* Vectors, reset, serial port, timers and watchdog of the MPS2 (AN385: Cortex-M3, AN386: M4) and
 * MPS3 (AN547: M55) images. The M55 starts in Secure state and stays there. */
#include "board.h"

#include <stddef.h>
#include <string.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CPACR REGISTER(0xE000ED88u)
#define NVIC_ENABLE REGISTER(0xE000E100u)
#define NVIC_PRIORITY(number) (*(volatile uint8_t *)(0xE000E400u + (number)))

/* FreeRTOSConfig.h masks priorities from 0xA0 on in critical sections. */
#define LINE_PRIORITY 0xC0u
#define LOAD_PRIORITY 0x40u

#if __ARM_ARCH >= 8
#define UART 0x59303000u
#define WATCHDOG 0x5802E000u
#define WATCHDOG_HZ 32768u
#define COUNTER 0x59302018u
#define COUNTER_HZ 20000000u
#define TIMER_HZ 32000000u
#define LINE_TIMER 0x58000000u
#define LOAD_TIMER 0x58001000u
#define LINE_INTERRUPT 3
#define LOAD_INTERRUPT 4
#define SYSTEM_COUNTER 0x58100000u
#else
#define UART 0x40004000u
#define WATCHDOG 0x40008000u
#define WATCHDOG_HZ 25000000u
#define COUNTER 0x40028018u
#define COUNTER_HZ 25000000u
#define TIMER_HZ 25000000u
#define LINE_TIMER 0x40000000u
#define LOAD_TIMER 0x40001000u
#define LINE_INTERRUPT 8
#define LOAD_INTERRUPT 9
#endif

/* From the linker script. */
extern uint32_t board_data_load[], board_data_start[], board_data_end[];
extern uint32_t board_bss_start[], board_bss_end[];
extern uint32_t board_stack_top[];

int main(void);
void SVC_Handler(void);
void PendSV_Handler(void);
void SysTick_Handler(void);

/* Keeps its content over a reset; `known` tells it from what RAM holds after power on. */
#define KNOWN 0x6D637563u
static struct {
    uint32_t known;
    uint32_t starts;
} kept __attribute__((section(".noinit")));

void board_main(void) __attribute__((noreturn, used));

void board_main(void)
{
    memcpy(board_data_start, board_data_load,
           (size_t)((char *)board_data_end - (char *)board_data_start));
    memset(board_bss_start, 0, (size_t)((char *)board_bss_end - (char *)board_bss_start));
    if (kept.known != KNOWN) {
        kept.known = KNOWN;
        kept.starts = 0;
    }
    ++kept.starts;
    REGISTER(UART + 0x10) = 16; /* baud rate divider; QEMU sends at once whatever it is */
    REGISTER(UART + 0x08) = 1;  /* sends */
#if defined(SYSTEM_COUNTER)
    REGISTER(SYSTEM_COUNTER) = 1; /* what the two timers compare with */
#endif
    main();
    board_stop("main returned");
}

/* FPU and Helium are on before the first line of C, which may use them. */
__attribute__((naked, noreturn)) static void reset(void)
{
    __asm volatile("ldr r0, =0xE000ED88 \n" /* CPACR */
                   "ldr r1, =0x00F00000 \n" /* coprocessors 10 and 11; the M3 has none */
                   "str r1, [r0]        \n"
                   "dsb                 \n"
                   "isb                 \n"
                   "b board_main        \n");
}

static void fault(void)
{
    board_stop("fault");
}

/* The watchdog's first period has passed: at the end of the second it resets the board. */
static void nmi(void)
{
    board_stop("watchdog");
}

#if defined(SYSTEM_COUNTER)
static uint64_t due[2];    /* counts at which the timers interrupt next */
static uint32_t period[2]; /* in counts */

/* The compare value moves by whole microseconds from a multiple of 32 counts. The timer's own
 * reload begins anywhere, and QEMU 7.2 under -icount stands still where a count is no whole number
 * of nanoseconds. */
static void compare(uint32_t timer, uint32_t index)
{
    REGISTER(timer + 0x20) = (uint32_t)due[index];
    REGISTER(timer + 0x24) = (uint32_t)(due[index] >> 32);
}
#endif

static void line_timer(void)
{
#if defined(SYSTEM_COUNTER)
    due[0] += period[0];
    compare(LINE_TIMER, 0);
#else
    REGISTER(LINE_TIMER + 0x0C) = 1;
#endif
    line_interrupt();
}

static void load_timer(void)
{
#if defined(SYSTEM_COUNTER)
    due[1] += period[1];
    compare(LOAD_TIMER, 1);
#else
    REGISTER(LOAD_TIMER + 0x0C) = 1;
#endif
    load_interrupt();
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16 + 16])(void) = {
    (void (*)(void))board_stack_top,
    reset,
    nmi,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    SVC_Handler,
    fault,
    fault,
    PendSV_Handler,
    SysTick_Handler,
    [16 + LINE_INTERRUPT] = line_timer,
    [16 + LOAD_INTERRUPT] = load_timer,
};

static void start_timer(uint32_t timer, uint32_t interrupt, uint32_t priority, uint32_t us)
{
    const uint32_t ticks = us * (TIMER_HZ / 1000000u);

    NVIC_PRIORITY(interrupt) = (uint8_t)priority;
    NVIC_ENABLE = 1u << interrupt;
#if defined(SYSTEM_COUNTER)
    const uint32_t index = interrupt - LINE_INTERRUPT;

    REGISTER(timer + 0x2C) = 0;
    if (us != 0) {
        uint32_t high, low;

        do {
            high = REGISTER(timer + 0x04);
            low = REGISTER(timer);
        } while (high != REGISTER(timer + 0x04));
        period[index] = ticks;
        due[index] = ((uint64_t)high << 32 | (low & ~31u)) + ticks;
        compare(timer, index);
        REGISTER(timer + 0x2C) = 1;
    }
#else
    REGISTER(timer) = 0;
    if (us != 0) {
        REGISTER(timer + 0x04) = ticks - 1;
        REGISTER(timer + 0x08) = ticks - 1;
        REGISTER(timer) = 1u | 8u; /* runs, interrupts */
    }
#endif
}

void board_start_lines(uint32_t microseconds)
{
    start_timer(LINE_TIMER, LINE_INTERRUPT, LINE_PRIORITY, microseconds);
}

void board_start_load(uint32_t microseconds)
{
    start_timer(LOAD_TIMER, LOAD_INTERRUPT, LOAD_PRIORITY, microseconds);
}

uint32_t board_microseconds(void)
{
    return REGISTER(COUNTER) / (COUNTER_HZ / 1000000u);
}

uint32_t board_starts(void)
{
    return kept.starts;
}

void board_start_watchdog(uint32_t milliseconds)
{
    REGISTER(WATCHDOG + 0xC00) = 0x1ACCE551u; /* unlocked */
    REGISTER(WATCHDOG) = milliseconds * (WATCHDOG_HZ / 1000u);
    REGISTER(WATCHDOG + 0x08) = 3; /* NMI after a period, reset after two */
}

void board_feed_watchdog(void)
{
    REGISTER(WATCHDOG + 0x0C) = 1; /* begins a period, clears the NMI */
}

static void put(char character)
{
    while ((REGISTER(UART + 0x04) & 1u) != 0) {
    }
    REGISTER(UART) = (uint8_t)character;
}

void board_print(const char *text)
{
    while (*text != '\0') {
        put(*text++);
    }
}

void board_print_number(int32_t value)
{
    char digits[12];
    size_t at = sizeof digits - 1;
    uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0) {
        digits[--at] = '-';
    }
    board_print(&digits[at]);
}

void board_print_byte(uint8_t value)
{
    put("0123456789abcdef"[value >> 4]);
    put("0123456789abcdef"[value & 15]);
}

void board_stop(const char *what)
{
    __asm volatile("cpsid i" ::: "memory");
    board_print("stopped: ");
    board_print(what);
    board_print("\n");
    for (;;) {
    }
}

/* Of -fstack-protector; a product draws the guard at its start. */
uintptr_t __stack_chk_guard = 0x5AFEC0DEu;
void __stack_chk_fail(void) __attribute__((noreturn));

void __stack_chk_fail(void)
{
    board_stop("a function wrote over its stack frame");
}
