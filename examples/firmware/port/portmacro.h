/* FreeRTOS on Armv7-M and Armv8.1-M, with FPU and Helium where the compiler may use them: for
 * kernels whose package has no port of the core. Privileged, one security state, no MPU. */
#ifndef PORTMACRO_H
#define PORTMACRO_H

#include <stdint.h>

typedef uint32_t StackType_t;
typedef long BaseType_t;
typedef unsigned long UBaseType_t;
typedef uint32_t TickType_t;

#define portSTACK_TYPE uint32_t
#define portBASE_TYPE long
#define portMAX_DELAY 0xFFFFFFFFu
#define portTICK_TYPE_IS_ATOMIC 1
#define portSTACK_GROWTH (-1)
#define portBYTE_ALIGNMENT 8
#define portTICK_PERIOD_MS ((TickType_t)1000 / configTICK_RATE_HZ)
#define portTASK_FUNCTION_PROTO(function, parameters) void function(void *parameters)
#define portTASK_FUNCTION(function, parameters) void function(void *parameters)
#define portNOP()

/* A switch of tasks is PendSV, the last exception to run. */
#define portICSR (*(volatile uint32_t *)0xE000ED04u)
#define portYIELD()                                \
    do {                                           \
        portICSR = 1u << 28;                       \
        __asm volatile("dsb \n isb" ::: "memory"); \
    } while (0)
#define portEND_SWITCHING_ISR(wanted) \
    do {                              \
        if (wanted) {                 \
            portYIELD();              \
        }                             \
    } while (0)
#define portYIELD_FROM_ISR(wanted) portEND_SWITCHING_ISR(wanted)

/* Critical sections hold back interrupts from configMAX_SYSCALL_INTERRUPT_PRIORITY on. */
void vPortEnterCritical(void);
void vPortExitCritical(void);

static inline uint32_t port_mask(void)
{
    uint32_t before;

    __asm volatile("mrs %0, basepri  \n"
                   "msr basepri, %1  \n"
                   "dsb              \n"
                   "isb              \n"
                   : "=&r"(before)
                   : "r"(configMAX_SYSCALL_INTERRUPT_PRIORITY)
                   : "memory");
    return before;
}

static inline void port_unmask(uint32_t before)
{
    __asm volatile("msr basepri, %0" ::"r"(before) : "memory");
}

#define portSET_INTERRUPT_MASK_FROM_ISR() port_mask()
#define portCLEAR_INTERRUPT_MASK_FROM_ISR(before) port_unmask(before)
#define portDISABLE_INTERRUPTS() ((void)port_mask())
#define portENABLE_INTERRUPTS() port_unmask(0)
#define portENTER_CRITICAL() vPortEnterCritical()
#define portEXIT_CRITICAL() vPortExitCritical()

#endif
