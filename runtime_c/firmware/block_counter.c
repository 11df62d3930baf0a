/* For the host: counts the instructions of every block that unicorn begins.
 *
 * The same as BlockCounter in mcucc/backends/block_counter.py, some hundred times faster than a
 * call into Python. Layouts are mirrored there.
 */
#include <stddef.h>
#include <stdint.h>

#define WIDE 0xE800u /* a halfword from here on begins a 32-bit instruction */

typedef struct {
    uint64_t origin;
    uint64_t size; /* bytes, even */
    const uint8_t *code;
    uint32_t *known; /* for the block at each halfword: bytes << 16 | instructions; 0 unknown */
} mcucc_code_span;

typedef struct {
    uint64_t count;
    uint64_t span_count;
    const mcucc_code_span *spans;
} mcucc_block_counter;

void mcucc_count_block(void *engine, uint64_t address, uint32_t size, void *user);

static uint32_t instructions(const uint8_t *code, uint32_t size)
{
    uint32_t count = 0;
    uint32_t at = 0;
    while (at < size) {
        at += (code[at] | (uint32_t)code[at + 1] << 8) >= WIDE ? 4u : 2u;
        ++count;
    }
    return count;
}

void mcucc_count_block(void *engine, uint64_t address, uint32_t size, void *user)
{
    mcucc_block_counter *counter = user;
    (void)engine;
    for (uint64_t index = 0; index < counter->span_count; ++index) {
        const mcucc_code_span *span = &counter->spans[index];
        uint64_t offset = address - span->origin; /* huge when the address is below */
        if (offset < span->size && size <= span->size - offset) {
            uint32_t *known = &span->known[offset / 2];
            if (*known >> 16 != size) {
                *known = size << 16 | instructions(span->code + offset, size);
            }
            counter->count += *known & 0xFFFFu;
            return;
        }
    }
}
