/* What the harness asks of an Arm core: its timer, a stretch of known length, a semihosting
 * call. */
#include "harness.h"

uint32_t mcucc_now(void)
{
    return *mcucc_config.timer;
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
