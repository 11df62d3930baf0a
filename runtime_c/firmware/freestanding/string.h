/* The part of string.h that generated code and compilers use, for toolchains without a C
 * library. */
#ifndef MCUCC_STRING_H
#define MCUCC_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *left, const void *right, size_t count);

#endif
