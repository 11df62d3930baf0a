/* Writes over every register of FPU and Helium: tasks and interrupts that compute do the same. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>

static inline void scribble_registers(uint32_t value)
{
#if defined(__ARM_FP)
    const uint32_t noise[2] = {value, ~value};

    for (int turn = 0; turn < 2; ++turn) {
        __asm volatile("vldr d0, [%0]  \n vmov.f32 s2, s0  \n vmov.f32 s3, s1  \n"
                       "vldr d2, [%0]  \n vldr d3, [%0]    \n vldr d4, [%0]    \n"
                       "vldr d5, [%0]  \n vldr d6, [%0]    \n vldr d7, [%0]    \n"
                       "vldr d8, [%0]  \n vldr d9, [%0]    \n vldr d10, [%0]   \n"
                       "vldr d11, [%0] \n vldr d12, [%0]   \n vldr d13, [%0]   \n"
                       "vldr d14, [%0] \n vldr d15, [%0]   \n" ::"r"(noise)
                       : "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11",
                         "d12", "d13", "d14", "d15", "memory");
    }
#if defined(__ARM_FEATURE_MVE)
    __asm volatile("vmsr p0, %0" ::"r"(value));
#endif
#else
    (void)value;
#endif
}

#endif
