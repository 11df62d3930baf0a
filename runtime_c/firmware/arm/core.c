/* What the harness asks of an Arm core: its timer, a stretch of known length, a semihosting
 * call. */
#include "harness.h"

#define SYSTICK_LAST 0xFFFFFFu

static volatile uint32_t periods;

/* SysTick has 24 bits, which is 0.1 s at 133 MHz: less than a network takes. */
void mcucc_period(void)
{
    ++periods;
}

uint32_t mcucc_now(void)
{
    uint32_t before;
    uint32_t value;
    if (mcucc_config.counter != MCUCC_COUNTER_SYSTICK) {
        return *mcucc_config.timer;
    }
    do {
        before = periods;
        value = *mcucc_config.timer;
        __asm volatile("isb" ::: "memory"); /* a period that ended by now is counted by now */
    } while (before != periods);
    return (before << 24) + (SYSTICK_LAST - value);
}

MCUCC_NAKED void mcucc_nothing(void)
{
    __asm volatile("bx lr");
}

/* 250 turns of two instructions between two single ones. */
MCUCC_NAKED void mcucc_known(void)
{
    /* clang-format off */
    __asm volatile(".syntax unified \n"
                   "movs r0, #250   \n"
                   "1: subs r0, #1  \n"
                   "bne 1b          \n"
                   "bx lr           \n");
    /* clang-format on */
}

uint32_t mcucc_semihost(uint32_t operation, const void *block)
{
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = block;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
