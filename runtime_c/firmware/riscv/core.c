/* What the harness asks of a RISC-V core: its counter of instructions or cycles, a stretch of known
 * length, a semihosting call. */
#include "harness.h"

uint32_t mcucc_now(void)
{
    uint32_t count;
    if (mcucc_config.counter == MCUCC_COUNTER_MCYCLE) {
        __asm volatile("csrr %0, mcycle" : "=r"(count));
    } else if (mcucc_config.counter == MCUCC_COUNTER_MPCCR) {
        __asm volatile("csrr %0, 0x7E2" : "=r"(count));
    } else {
        __asm volatile("csrr %0, minstret" : "=r"(count));
    }
    return count;
}

MCUCC_NAKED void mcucc_nothing(void)
{
    __asm volatile("ret");
}

/* 250 turns of two instructions between two single ones. */
MCUCC_NAKED void mcucc_known(void)
{
    /* clang-format off */
    __asm volatile("li a0, 250       \n"
                   "1: addi a0, a0, -1 \n"
                   "bnez a0, 1b      \n"
                   "ret              \n");
    /* clang-format on */
}

/* RISC-V Semihosting specification: these three instructions, none of them compressed, all in one
 * page; operation and block are in a0 and a1 already. */
MCUCC_NAKED uint32_t mcucc_semihost(MCUCC_UNUSED uint32_t operation, MCUCC_UNUSED const void *block)
{
    /* clang-format off */
    __asm volatile(".balign 16        \n"
                   ".option push      \n"
                   ".option norvc     \n"
                   "slli x0, x0, 0x1f \n"
                   "ebreak            \n"
                   "srai x0, x0, 7    \n"
                   ".option pop       \n"
                   "ret               \n");
    /* clang-format on */
}
