/* What FreeRTOS asks of a program without a heap. */
#include "FreeRTOS.h"
#include "task.h"

#include "board.h"

void vApplicationGetIdleTaskMemory(StaticTask_t **task, StackType_t **stack, uint32_t *words);
void vApplicationStackOverflowHook(TaskHandle_t task, char *name);
void vApplicationIdleHook(void);

void vApplicationGetIdleTaskMemory(StaticTask_t **task, StackType_t **stack, uint32_t *words)
{
    static StaticTask_t idle_task;
    static StackType_t idle_stack[configMINIMAL_STACK_SIZE];

    *task = &idle_task;
    *stack = idle_stack;
    *words = configMINIMAL_STACK_SIZE;
}

void vApplicationStackOverflowHook(TaskHandle_t task, char *name)
{
    (void)task;
    board_print(name);
    board_stop("stack overflow");
}

/* Nothing to do: the core sleeps until the next interrupt. */
void vApplicationIdleHook(void)
{
    __asm volatile("wfi");
}
