/* The fence: physical memory protection lets the firmware execute and read its code, read and write
 * exactly the board's RAM and the harness's, and nothing else.
 *
 * Entries are locked, so that they hold in machine mode; the last one denies every address. */
#include "harness.h"

#define ENTRIES 16u

#define WRITE(csr, value) __asm volatile("csrw " csr ", %0" : : "r"(value) : "memory")

/* A register's number is part of the instruction: one case each. */
static void write_address(uint32_t index, uint32_t value)
{
    switch (index) {
        /* clang-format off */
    case 0: WRITE("pmpaddr0", value); break;
    case 1: WRITE("pmpaddr1", value); break;
    case 2: WRITE("pmpaddr2", value); break;
    case 3: WRITE("pmpaddr3", value); break;
    case 4: WRITE("pmpaddr4", value); break;
    case 5: WRITE("pmpaddr5", value); break;
    case 6: WRITE("pmpaddr6", value); break;
    case 7: WRITE("pmpaddr7", value); break;
    case 8: WRITE("pmpaddr8", value); break;
    case 9: WRITE("pmpaddr9", value); break;
    case 10: WRITE("pmpaddr10", value); break;
    case 11: WRITE("pmpaddr11", value); break;
    case 12: WRITE("pmpaddr12", value); break;
    case 13: WRITE("pmpaddr13", value); break;
    case 14: WRITE("pmpaddr14", value); break;
    default: WRITE("pmpaddr15", value); break;
        /* clang-format on */
    }
}

/* Four entries' configurations are bytes of one register. */
static uint32_t configuration(uint32_t word)
{
    uint32_t value = 0;
    for (uint32_t byte = 0; byte < 4u && 4u * word + byte < mcucc_config.fence_count; ++byte) {
        value |= mcucc_config.fence[4u * word + byte].attributes << (8u * byte);
    }
    return value;
}

uint32_t mcucc_fence_up(void)
{
    if (mcucc_config.fence_count > ENTRIES) {
        mcucc_finish(MCUCC_EXIT_FENCE);
    }
    for (uint32_t index = 0; index < mcucc_config.fence_count; ++index) {
        write_address(index, mcucc_config.fence[index].base);
    }
    WRITE("pmpcfg0", configuration(0));
    WRITE("pmpcfg1", configuration(1));
    WRITE("pmpcfg2", configuration(2));
    WRITE("pmpcfg3", configuration(3));
    return mcucc_config.fence_count != 0;
}
