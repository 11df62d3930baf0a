/* Reset, traps, and the call that changes to the library's stack. */
#include "harness.h"

void mcucc_reset(void);
void mcucc_trap(void);
void mcucc_report_trap(uint32_t cause, uint32_t address, uint32_t pc, uint32_t sp, uint32_t ra)
    __attribute__((noreturn, used));

/* The machine starts at the first byte of its code memory. */
MCUCC_NAKED __attribute__((section(".vectors"), used)) void mcucc_reset(void)
{
    /* clang-format off */
    __asm volatile("la sp, mcucc_harness_stack_top \n"
                   "la t0, mcucc_trap              \n"
                   "csrw mtvec, t0                 \n"
                   "call mcucc_start               \n");
    /* clang-format on */
}

void mcucc_core_start(void)
{
    if (mcucc_config.counter == MCUCC_COUNTER_MPCCR) {
        __asm volatile("csrw 0x7E0, %0 \n" /* mpcer: of all events, cycles */
                       "csrw 0x7E1, %0 \n" /* mpcmr: count */
                       :
                       : "r"(1));
    }
}

/* Traps are handled on the harness's stack, which is good even when the library's is not: from its
 * top, since nobody returns to what was there. */
/* clang-format off */
MCUCC_NAKED __attribute__((aligned(4))) void mcucc_trap(void)
{
    __asm volatile("mv a3, sp           \n"
                   "mv a4, ra           \n"
                   "la sp, mcucc_harness_stack_top \n"
                   "csrr a0, mcause     \n"
                   "csrr a1, mtval      \n"
                   "csrr a2, mepc       \n"
                   "call mcucc_report_trap \n");
}
/* clang-format on */

void mcucc_report_trap(uint32_t cause, uint32_t address, uint32_t pc, uint32_t sp, uint32_t ra)
{
    mcucc_record("fault.mcause", cause);
    mcucc_record("fault.mtval", address);
    mcucc_record("fault.sp", sp);
    mcucc_record("fault.pc", pc);
    mcucc_record("fault.lr", ra);
    mcucc_finish_fault();
}

/* body(arena, step) on the library's stack, which lies in the board's RAM. */
MCUCC_NAKED void mcucc_on_library_stack(MCUCC_UNUSED mcucc_body body, MCUCC_UNUSED void *arena,
                                        MCUCC_UNUSED int32_t step)
{
    /* clang-format off */
    __asm volatile("addi sp, sp, -16        \n"
                   "sw ra, 12(sp)           \n"
                   "sw s0, 8(sp)            \n"
                   "mv s0, sp               \n"
                   "mv t0, a0               \n"
                   "mv a0, a1               \n"
                   "mv a1, a2               \n"
                   "la sp, mcucc_stack_top  \n"
                   "andi sp, sp, -16        \n" /* as the calling convention wants it */
                   "jalr t0                 \n"
                   "mv sp, s0               \n"
                   "lw ra, 12(sp)           \n"
                   "lw s0, 8(sp)            \n"
                   "addi sp, sp, 16         \n"
                   "ret                     \n");
    /* clang-format on */
}
