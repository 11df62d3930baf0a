/* The fence: the MPU lets the firmware execute and read its code, read and write exactly the
 * board's RAM, the harness's RAM and the peripherals, and nothing else. */
#include "harness.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define MPU_TYPE REGISTER(0xE000ED90u)
#define MPU_CTRL REGISTER(0xE000ED94u)
#define MPU_RNR REGISTER(0xE000ED98u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_ATTRIBUTES REGISTER(0xE000EDA0u) /* RASR (PMSAv7) or RLAR (PMSAv8) */
#define MPU_MAIR0 REGISTER(0xE000EDC0u)

uint32_t mcucc_fence_up(void)
{
    uint32_t available = (MPU_TYPE >> 8) & 0xFFu;
    if (available == 0 || mcucc_config.fence_count == 0) {
        return 0;
    }
    if (available < mcucc_config.fence_count) {
        mcucc_finish(MCUCC_EXIT_FENCE);
    }
#if __ARM_ARCH >= 8
    MPU_MAIR0 = 0x44u; /* attribute 0: normal memory, not cached */
#endif
    for (uint32_t index = 0; index < mcucc_config.fence_count; ++index) {
        MPU_RNR = index;
        MPU_RBAR = mcucc_config.fence[index].base;
        MPU_ATTRIBUTES = mcucc_config.fence[index].attributes;
    }
    MPU_CTRL = 1; /* on, without the default map */
    __asm volatile("dsb \n isb" ::: "memory");
    return 1;
}
