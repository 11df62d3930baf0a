/* Vectors, reset, faults, and the call that changes to the library's stack. */
#include "harness.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define VTOR REGISTER(0xE000ED08u)
#define CCR REGISTER(0xE000ED14u)
#define SHCSR REGISTER(0xE000ED24u)
#define CFSR REGISTER(0xE000ED28u)
#define HFSR REGISTER(0xE000ED2Cu)
#define MMFAR REGISTER(0xE000ED34u)
#define BFAR REGISTER(0xE000ED38u)
#define CFSR_STACKING ((1u << 4) | (1u << 12)) /* MSTKERR, STKERR: no frame was written */

/* From the linker script. */
extern uint32_t mcucc_harness_stack_top[];

void mcucc_reset(void);
void mcucc_fault(void);
void mcucc_report_fault(uint32_t main_sp, uint32_t process_sp, uint32_t exc_return)
    __attribute__((noreturn, used));

typedef struct {
    void *stack;
    void (*handlers[15])(void);
} vector_table;

__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    mcucc_harness_stack_top,
    {mcucc_reset, mcucc_fault, mcucc_fault, mcucc_fault, mcucc_fault, mcucc_fault, mcucc_fault,
     mcucc_fault, mcucc_fault, mcucc_fault, mcucc_fault, mcucc_fault, mcucc_fault, mcucc_fault,
     mcucc_period},
};

/* The FPU and MVE are switched on before the first line of C: loops that clear memory may already
 * be vectorised. Cores without them ignore the write. */
MCUCC_NAKED void mcucc_reset(void)
{
    __asm volatile(".syntax unified     \n"
                   "ldr r0, =0xE000ED88 \n" /* CPACR */
                   "ldr r1, [r0]        \n"
                   "ldr r2, =0x00F00000 \n"
                   "orrs r1, r2         \n"
                   "str r1, [r0]        \n"
                   "dsb                 \n"
                   "isb                 \n"
                   "bl mcucc_start      \n");
}

void mcucc_core_start(void)
{
    VTOR = (uint32_t)(uintptr_t)&vectors; /* a debugger may start the firmware anywhere */
    if (mcucc_config.counter == MCUCC_COUNTER_SYSTICK) {
        SYST_RVR = 0xFFFFFFu;
        SYST_CVR = 0;
        SYST_CSR = 7; /* the core's clock, an interrupt a period, on */
    }
#if __ARM_ARCH >= 7
    SHCSR |= 7u << 16; /* memory, bus and usage faults of their own */
#else
    CCR |= 1u << 3; /* emulated on an M3: an unaligned access traps as on the real core */
#endif
}

/* Faults are handled on the harness's stack, which is good even when the library's is not. */
MCUCC_NAKED void mcucc_fault(void)
{
    /* clang-format off */
    __asm volatile("mrs r0, msp                \n"
                   "mrs r1, psp                \n"
                   "mov r2, lr                 \n"
                   "ldr r3, =mcucc_report_fault\n"
                   "bx r3                      \n");
    /* clang-format on */
}

void mcucc_report_fault(uint32_t main_sp, uint32_t process_sp, uint32_t exc_return)
{
    uint32_t sp = (exc_return & 4u) != 0 ? process_sp : main_sp;
    const uint32_t *frame = (const uint32_t *)sp; /* r0 r1 r2 r3 r12 lr pc xpsr */
    uint32_t status = CFSR;
    mcucc_record("fault.cfsr", status);
    mcucc_record("fault.hfsr", HFSR);
    mcucc_record("fault.mmfar", MMFAR);
    mcucc_record("fault.bfar", BFAR);
    mcucc_record("fault.sp", sp);
    if ((status & CFSR_STACKING) == 0) {
        mcucc_record("fault.pc", frame[6]);
        mcucc_record("fault.lr", frame[5]);
    }
    mcucc_finish_fault();
}

/* body(arena, step) on the process stack, which lies in the board's RAM. */
MCUCC_NAKED void mcucc_on_library_stack(MCUCC_UNUSED mcucc_body body, MCUCC_UNUSED void *arena,
                                        MCUCC_UNUSED int32_t step)
{
    /* clang-format off */
    __asm volatile(".syntax unified          \n"
                   "push {r4, r5, r6, lr}    \n"
                   "mov r6, r0               \n"
                   "mov r0, r1               \n"
                   "mov r1, r2               \n"
                   "ldr r3, =mcucc_stack_top \n"
                   "msr psp, r3              \n"
                   "mrs r4, control          \n"
                   "movs r5, #2              \n"
                   "orrs r5, r4              \n"
                   "msr control, r5          \n"
                   "isb                      \n"
                   "blx r6                   \n"
                   "msr control, r4          \n"
                   "isb                      \n"
                   "pop {r4, r5, r6, pc}     \n");
    /* clang-format on */
}
