/* Mailbox: for every debugger. The firmware writes what it wants into a struct in its RAM and calls a
 * function of one instruction, where the host has its only breakpoint. The host reads the struct,
 * does what it says, writes the result, and lets the core go on behind that instruction.
 * mcucc/backends/gdb/mailbox.py is the host's side and mirrors the struct.
 *
 * There is no BKPT or EBREAK: those mean semihosting or a fault to some debuggers. */
#include "harness.h"

enum { OPEN = 1, READ, WRITE, PRINT, EXIT };

typedef struct {
    uint32_t operation;
    uint32_t address; /* of the bytes to fill or to fetch */
    uint32_t count;   /* how many; of EXIT the status */
    int32_t result;   /* written by the host */
} mailbox;

extern volatile mailbox mcucc_mailbox; /* the host finds both by their symbols */
void mcucc_mailbox_stop(void);

volatile mailbox mcucc_mailbox;

MCUCC_NAKED void mcucc_mailbox_stop(void)
{
    /* clang-format off */
    __asm volatile("nop                         \n" /* the breakpoint */
                   ".global mcucc_mailbox_go    \n"
                   "mcucc_mailbox_go:           \n" /* where the host lets it go on */
#ifdef __riscv
                   "ret                         \n"
#else
                   "bx lr                       \n"
#endif
    );
    /* clang-format on */
}

static int32_t ask(uint32_t operation, const void *data, uint32_t count)
{
    mcucc_mailbox.operation = operation;
    mcucc_mailbox.address = (uint32_t)(uintptr_t)data;
    mcucc_mailbox.count = count;
    __asm volatile("" ::: "memory"); /* all is written, and the host may write */
    mcucc_mailbox_stop();
    __asm volatile("" ::: "memory");
    return mcucc_mailbox.result;
}

void mcucc_transport_open(char *request, int32_t capacity)
{
    (void)ask(OPEN, request, (uint32_t)capacity);
}

int32_t mcucc_transport_read(uint8_t *data, int32_t count)
{
    return ask(READ, data, (uint32_t)count);
}

void mcucc_transport_write(const uint8_t *data, int32_t count)
{
    (void)ask(WRITE, data, (uint32_t)count);
}

void mcucc_transport_print(const char *line)
{
    uint32_t length = 0;
    while (line[length] != '\0') {
        ++length;
    }
    (void)ask(PRINT, line, length);
}

void mcucc_transport_exit(uint32_t status)
{
    for (;;) {
        (void)ask(EXIT, 0, status);
    }
}
