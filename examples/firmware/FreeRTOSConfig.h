/* FreeRTOS for the example: preemptive, one tick a millisecond, no heap. */
#ifndef FREERTOS_CONFIG_H
#define FREERTOS_CONFIG_H

#include "board.h"

#define configUSE_PREEMPTION 1
#define configUSE_TIME_SLICING 1
#define configMAX_PRIORITIES 8
#define configTICK_RATE_HZ ((TickType_t)1000)
#if __ARM_ARCH >= 8
#define configCPU_CLOCK_HZ 32000000u
#else
#define configCPU_CLOCK_HZ 25000000u
#endif
#define configUSE_16_BIT_TICKS 0                              /* up to version 10 */
#define configTICK_TYPE_WIDTH_IN_BITS TICK_TYPE_WIDTH_32_BITS /* from version 11 on */
#define configSTACK_DEPTH_TYPE uint32_t
#define configMINIMAL_STACK_SIZE 128 /* words */
#define configMAX_TASK_NAME_LEN 12
#define configSUPPORT_STATIC_ALLOCATION 1
#define configSUPPORT_DYNAMIC_ALLOCATION 0
#define configUSE_TASK_NOTIFICATIONS 1
#define configCHECK_FOR_STACK_OVERFLOW 2 /* looks for the paint at the end of the stack */
#define configUSE_IDLE_HOOK 1
#define configUSE_TICK_HOOK 0
#define configUSE_TIMERS 0
#define configUSE_MUTEXES 0
#define configUSE_CO_ROUTINES 0
#define configUSE_PORT_OPTIMISED_TASK_SELECTION 0

#define INCLUDE_vTaskDelay 1
#define INCLUDE_vTaskDelayUntil 1
#define INCLUDE_xTaskDelayUntil 1
#define INCLUDE_vTaskSuspend 1 /* portMAX_DELAY waits for ever */
#define INCLUDE_uxTaskGetStackHighWaterMark 1
#define INCLUDE_xTaskGetCurrentTaskHandle 1

/* Ports of Armv8-M: the whole program runs in Secure state, where the board starts. */
#define configENABLE_FPU 1
#define configENABLE_MVE 1
#define configENABLE_MPU 0
#define configENABLE_TRUSTZONE 0
#define configRUN_FREERTOS_SECURE_ONLY 1

/* Interrupts of a smaller number than the second are never held back and never call FreeRTOS. */
#define configKERNEL_INTERRUPT_PRIORITY 0xE0
#define configMAX_SYSCALL_INTERRUPT_PRIORITY 0xA0

#define configASSERT(condition) ((condition) ? (void)0 : board_stop("configASSERT"))

/* Ports of Armv7-M call their handlers otherwise. */
#define vPortSVCHandler SVC_Handler
#define xPortPendSVHandler PendSV_Handler
#define xPortSysTickHandler SysTick_Handler

#endif
