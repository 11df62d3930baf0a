/* From reset to main, the same on every core: memory gets its first contents. */
#include "harness.h"

/* From the linker script. */
extern uint32_t mcucc_harness_bss_start[], mcucc_harness_bss_end[];
extern uint32_t mcucc_data_start[], mcucc_data_end[], mcucc_data_load[];
extern uint32_t mcucc_bss_start[], mcucc_bss_end[];

void mcucc_start(void)
{
    uint32_t *to = mcucc_data_start;
    for (const uint32_t *from = mcucc_data_load; to < mcucc_data_end; ++from) {
        *to++ = *from;
    }
    for (to = mcucc_bss_start; to < mcucc_bss_end; ++to) {
        *to = 0;
    }
    for (to = mcucc_harness_bss_start; to < mcucc_harness_bss_end; ++to) {
        *to = 0;
    }
    mcucc_current_image = -1;
    mcucc_current_step = -1;
    mcucc_core_start();
    mcucc_main();
    mcucc_finish(MCUCC_EXIT_PASS);
}
