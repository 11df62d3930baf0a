/* Text records: one a line, integers only, `##exit N` last. Numbers are printed without a
 * division, so that the smallest cores draw nothing from libgcc for the harness. */
#include "harness.h"

#define LINE_BYTES 96

volatile int32_t mcucc_current_image;
volatile int32_t mcucc_current_step;

static char line[LINE_BYTES];
static int32_t length;

static void put_text(const char *text)
{
    while (*text != '\0' && length < LINE_BYTES - 2) {
        line[length++] = *text++;
    }
}

static void put_number(uint32_t value)
{
    static const uint32_t powers[10] = {1000000000u, 100000000u, 10000000u, 1000000u, 100000u,
                                        10000u,      1000u,      100u,      10u,      1u};
    char digits[11];
    int32_t count = 0;
    for (int32_t index = 0; index < 10; ++index) {
        char digit = '0';
        while (value >= powers[index]) {
            value -= powers[index];
            ++digit;
        }
        if (count > 0 || digit != '0' || index == 9) {
            digits[count++] = digit;
        }
    }
    digits[count] = '\0';
    put_text(digits);
}

static void put_line(void)
{
    line[length++] = '\n';
    line[length] = '\0';
    mcucc_transport_print(line);
    length = 0;
}

void mcucc_record(const char *key, uint32_t value)
{
    length = 0;
    put_text("##mcucc ");
    put_text(key);
    put_text("=");
    put_number(value);
    put_line();
}

void mcucc_record_image(int32_t image, const char *key, uint32_t value)
{
    length = 0;
    put_text("##mcucc image.");
    put_number((uint32_t)image);
    put_text(".");
    put_text(key);
    put_text("=");
    put_number(value);
    put_line();
}

void mcucc_record_step(int32_t image, const char *key, int32_t step, uint32_t value)
{
    length = 0;
    put_text("##mcucc image.");
    put_number((uint32_t)image);
    put_text(".");
    put_text(key);
    put_text(".");
    put_number((uint32_t)step);
    put_text("=");
    put_number(value);
    put_line();
}

void mcucc_finish(uint32_t status)
{
    length = 0;
    put_text("##exit ");
    put_number(status);
    put_line();
    mcucc_transport_exit(status);
}

void mcucc_finish_fault(void)
{
    if (mcucc_current_step >= 0) {
        mcucc_record("fault.image", (uint32_t)mcucc_current_image);
        mcucc_record("fault.step", (uint32_t)mcucc_current_step);
    }
    mcucc_finish(MCUCC_EXIT_FAULT);
}

/* CRC-32 as in zlib, four bits a step. */
uint32_t mcucc_crc32(uint32_t crc, const uint8_t *data, int32_t count)
{
    static const uint32_t table[16] = {0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu,
                                       0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
                                       0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
                                       0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
    crc = ~crc;
    for (int32_t index = 0; index < count; ++index) {
        crc ^= data[index];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return ~crc;
}
