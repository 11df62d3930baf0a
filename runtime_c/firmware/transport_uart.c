/* UART: for Renode and real boards. Text both ways.
 *
 * To the firmware: the request line, then for every tensor `I` + hex bytes + `:` + CRC32 in eight
 * hex digits, then `E`. White space is ignored. From the firmware: the records, and for every
 * output tensor `##data ` + hex bytes + `:` + CRC32.
 */
#include "harness.h"

#define DATA 0
#define STATE 1
#define CONTROL 2
#define BAUD_DIVISOR 4
#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u

static char next_kind; /* of the next tensor, when it was looked at already */

static void put(char character)
{
    while ((mcucc_config.uart[STATE] & STATE_TX_FULL) != 0) {
    }
    mcucc_config.uart[DATA] = (uint8_t)character;
}

static char get(void)
{
    while ((mcucc_config.uart[STATE] & STATE_RX_FULL) == 0) {
    }
    return (char)mcucc_config.uart[DATA];
}

static char get_visible(void)
{
    char character = get();
    while (character == '\n' || character == '\r' || character == ' ') {
        character = get();
    }
    return character;
}

static void put_hex(uint32_t value, int32_t digits)
{
    for (int32_t shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
        put("0123456789abcdef"[(value >> shift) & 15u]);
    }
}

/* -1 for a character that is no hex digit. */
static int32_t digit_value(char character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

static int32_t get_hex(uint32_t *value, int32_t digits)
{
    *value = 0;
    for (int32_t index = 0; index < digits; ++index) {
        int32_t digit = digit_value(get_visible());
        if (digit < 0) {
            return -1;
        }
        *value = (*value << 4) | (uint32_t)digit;
    }
    return 0;
}

void mcucc_transport_open(char *request, int32_t capacity)
{
    int32_t length = 0;
    mcucc_config.uart[BAUD_DIVISOR] = 16;
    mcucc_config.uart[CONTROL] = 3; /* transmit and receive */
    for (char character = get_visible(); character != '\n'; character = get()) {
        if (length < capacity - 1) {
            request[length++] = character;
        }
    }
    request[length] = '\0';
}

int32_t mcucc_transport_read(uint8_t *data, int32_t count)
{
    uint32_t value;
    if (next_kind == '\0') {
        next_kind = get_visible();
    }
    if (next_kind == 'E' || count == 0) {
        return next_kind != 'E';
    }
    if (next_kind != 'I') {
        return -1;
    }
    next_kind = '\0';
    for (int32_t index = 0; index < count; ++index) {
        if (get_hex(&value, 2) != 0) {
            return -1;
        }
        data[index] = (uint8_t)value;
    }
    if (get_visible() != ':' || get_hex(&value, 8) != 0) {
        return -1;
    }
    return value == mcucc_crc32(0, data, count) ? 1 : -1;
}

void mcucc_transport_write(const uint8_t *data, int32_t count)
{
    mcucc_transport_print("##data ");
    for (int32_t index = 0; index < count; ++index) {
        put_hex(data[index], 2);
    }
    put(':');
    put_hex(mcucc_crc32(0, data, count), 8);
    put('\n');
}

void mcucc_transport_print(const char *line)
{
    for (; *line != '\0'; ++line) {
        put(*line);
    }
}

void mcucc_transport_exit(uint32_t status)
{
    (void)status; /* the record says it */
    for (;;) {
        __asm volatile("wfi");
    }
}
