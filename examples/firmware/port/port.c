/* What FreeRTOS asks of a core: a new task's stack, the start, the switch, the tick.
 *
 * Of a task that waits, its stack holds from the top: what the exception saved (with the FPU's
 * s0 to s15, FPSCR and VPR where it used them), then s16 to s31 in that case, r4 to r11 and the
 * return code. Helium's q0 to q7 are s0 to s31. */
#include "FreeRTOS.h"
#include "task.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYSTICK_CONTROL REGISTER(0xE000E010u)
#define SYSTICK_RELOAD REGISTER(0xE000E014u)
#define SYSTICK_VALUE REGISTER(0xE000E018u)
#define SHPR3 REGISTER(0xE000ED20u) /* priorities of PendSV and SysTick */

#define THUMB 0x01000000u
#define RETURN_TO_TASK 0xFFFFFFFDu /* thread mode, process stack, no state of the FPU */

void SVC_Handler(void);
void PendSV_Handler(void);
void SysTick_Handler(void);
extern void *volatile pxCurrentTCB; /* its first word is the task's stack pointer */

static uint32_t critical_nesting;

static void task_returned(void)
{
    configASSERT(0); /* a task ends by vTaskDelete */
    for (;;) {
    }
}

StackType_t *pxPortInitialiseStack(StackType_t *top, TaskFunction_t code, void *parameters)
{
    StackType_t *const frame = top - 8; /* r0 to r3, r12, lr, pc, xpsr */
    StackType_t *const saved = frame - 9;

    frame[0] = (StackType_t)(uintptr_t)parameters;
    frame[5] = (StackType_t)(uintptr_t)task_returned;
    frame[6] = (StackType_t)(uintptr_t)code & ~1u;
    frame[7] = THUMB;
    saved[8] = RETURN_TO_TASK;
    return saved;
}

BaseType_t xPortStartScheduler(void)
{
    SHPR3 |= (uint32_t)configKERNEL_INTERRUPT_PRIORITY << 16;
    SHPR3 |= (uint32_t)configKERNEL_INTERRUPT_PRIORITY << 24;
    SYSTICK_RELOAD = configCPU_CLOCK_HZ / configTICK_RATE_HZ - 1;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 7; /* the core's clock, interrupt, on */
    critical_nesting = 0;
    __asm volatile("cpsie i \n"
                   "msr basepri, %0 \n"
                   "dsb \n"
                   "isb \n"
                   "svc 0 \n" ::"r"(0)
                   : "memory");
    return pdFALSE; /* never: SVC_Handler goes on in the first task */
}

void vPortEndScheduler(void)
{
    configASSERT(0); /* there is nothing to return to */
}

void vPortEnterCritical(void)
{
    (void)port_mask();
    ++critical_nesting;
    configASSERT(critical_nesting != 1 || (portICSR & 0xFFu) == 0); /* not from an interrupt */
}

void vPortExitCritical(void)
{
    configASSERT(critical_nesting != 0);
    if (--critical_nesting == 0) {
        port_unmask(0);
    }
}

/* Goes on where the current task stopped. */
__attribute__((naked)) void SVC_Handler(void)
{
    __asm volatile(".syntax unified          \n"
                   "ldr r1, =pxCurrentTCB    \n"
                   "ldr r1, [r1]             \n"
                   "ldr r0, [r1]             \n"
                   "ldmia r0!, {r4-r11, lr}  \n"
#if defined(__ARM_FP)
                   "tst lr, #16              \n" /* 0: the task has used the FPU */
                   "it eq                    \n"
                   "vldmiaeq r0!, {s16-s31}  \n"
#endif
                   "msr psp, r0              \n"
                   "isb                      \n"
                   "mov r0, #0               \n"
                   "msr basepri, r0          \n"
                   "bx lr                    \n");
}

__attribute__((naked)) void PendSV_Handler(void)
{
    __asm volatile(".syntax unified          \n"
                   "mrs r0, psp              \n"
#if defined(__ARM_FP)
                   "tst lr, #16              \n"
                   "it eq                    \n"
                   "vstmdbeq r0!, {s16-s31}  \n" /* has the core save s0 to s15 as well */
#endif
                   "stmdb r0!, {r4-r11, lr}  \n"
                   "ldr r1, =pxCurrentTCB    \n"
                   "ldr r1, [r1]             \n"
                   "str r0, [r1]             \n"
                   "mov r0, %0               \n"
                   "msr basepri, r0          \n"
                   "dsb                      \n"
                   "isb                      \n"
                   "bl vTaskSwitchContext    \n"
                   "b SVC_Handler            \n" ::"i"(configMAX_SYSCALL_INTERRUPT_PRIORITY));
}

void SysTick_Handler(void)
{
    const uint32_t before = port_mask();

    if (xTaskIncrementTick() != pdFALSE) {
        portICSR = 1u << 28;
    }
    port_unmask(before);
}
