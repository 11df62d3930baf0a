/* Semihosting: the emulator reads and writes files in its scratch directory for the firmware.
 * The request is the command line behind its first word. */
#include "harness.h"

enum {
    SYS_OPEN = 0x01,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_FLEN = 0x0C,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT_EXTENDED = 0x20,
    OPEN_READ_BINARY = 1,
    OPEN_WRITE_BINARY = 5,
    STOPPED_BY_APPLICATION = 0x20026
};

static uint32_t input_file;
static uint32_t input_left; /* bytes; SYS_READ of no byte does not tell whether there are more */
static uint32_t output_file;

static uint32_t address(const void *pointer)
{
    return (uint32_t)(uintptr_t)pointer;
}

static uint32_t open_file(const char *name, uint32_t length, uint32_t mode)
{
    uint32_t block[3] = {address(name), mode, length};
    uint32_t handle = mcucc_semihost(SYS_OPEN, block);
    if (handle == 0xFFFFFFFFu) {
        mcucc_finish(MCUCC_EXIT_REQUEST);
    }
    return handle;
}

void mcucc_transport_open(char *request, int32_t capacity)
{
    uint32_t block[2] = {address(request), (uint32_t)capacity};
    if (mcucc_semihost(SYS_GET_CMDLINE, block) != 0) {
        request[0] = '\0';
    }
    input_file = open_file("input.bin", 9, OPEN_READ_BINARY);
    input_left = mcucc_semihost(SYS_FLEN, &input_file);
    output_file = open_file("output.bin", 10, OPEN_WRITE_BINARY);
}

int32_t mcucc_transport_read(uint8_t *data, int32_t count)
{
    uint32_t block[3] = {input_file, address(data), (uint32_t)count};
    uint32_t missing = mcucc_semihost(SYS_READ, block);
    input_left -= (uint32_t)count - missing;
    /* No branch for 0 bytes: a read of them costs what a row costs. */
    return missing != 0 ? -1 : (((uint32_t)count | input_left) != 0);
}

void mcucc_transport_write(const uint8_t *data, int32_t count)
{
    uint32_t block[3] = {output_file, address(data), (uint32_t)count};
    if (mcucc_semihost(SYS_WRITE, block) != 0) {
        mcucc_finish(MCUCC_EXIT_REQUEST);
    }
}

void mcucc_transport_print(const char *line)
{
    (void)mcucc_semihost(SYS_WRITE0, line);
}

void mcucc_transport_exit(uint32_t status)
{
    uint32_t block[2] = {STOPPED_BY_APPLICATION, status};
    for (;;) {
        (void)mcucc_semihost(SYS_EXIT_EXTENDED, block);
    }
}
