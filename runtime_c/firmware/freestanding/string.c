/* memcpy and its kin for toolchains without a C library. They count as the library's, as those of a
 * product's C library would; words at a time where both sides are aligned. */
#include <string.h>

#include <stdint.h>

static int aligned(const void *a, const void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) & 3u) == 0;
}

void *memcpy(void *to, const void *from, size_t count)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    if (aligned(to, from)) {
        for (; count >= 4; count -= 4, target += 4, source += 4) {
            *(uint32_t *)(void *)target = *(const uint32_t *)(const void *)source;
        }
    }
    while (count-- != 0) {
        *target++ = *source++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    if ((uintptr_t)to - (uintptr_t)from >= count) { /* also when `to` lies below */
        return memcpy(to, from, count);
    }
    while (count-- != 0) {
        target[count] = source[count];
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *target = to;
    const uint8_t byte = (uint8_t)value;
    if (aligned(to, to)) {
        const uint32_t word = byte * 0x01010101u;
        for (; count >= 4; count -= 4, target += 4) {
            *(uint32_t *)(void *)target = word;
        }
    }
    while (count-- != 0) {
        *target++ = byte;
    }
    return to;
}

int memcmp(const void *left, const void *right, size_t count)
{
    const uint8_t *a = left;
    const uint8_t *b = right;
    for (; count != 0; --count, ++a, ++b) {
        if (*a != *b) {
            return *a < *b ? -1 : 1;
        }
    }
    return 0;
}
