/* What compilers say in words of their own: inlining, unrolling, functions of assembly alone.
 *
 * The oldest compiler that the tests imitate is gcc 7: nothing here asks for more.
 */
#ifndef MCUCC_COMPILER_H
#define MCUCC_COMPILER_H

#include "mcucc/config.h"

/* Kernels come in two rounding profiles made from one body; the body takes the profile as a
 * constant and must be inlined for the constant to fold. What is called once and calls deep has a
 * frame of its own instead, which is on the stack only while it runs. */
#if defined(__GNUC__)
#define MCUCC_INLINE MCUCC_CODE static inline __attribute__((always_inline))
#define MCUCC_OUTLINE MCUCC_CODE static __attribute__((noinline, unused))
#else
#define MCUCC_INLINE MCUCC_CODE static inline
#define MCUCC_OUTLINE MCUCC_CODE static inline
#endif

/* Before a loop of constant length whose local arrays are to become registers: gcc 8 and later. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8 && !defined(MCUCC_OLD_COMPILER)
#define MCUCC_UNROLL _Pragma("GCC unroll 16")
#else
#define MCUCC_UNROLL
#endif

/* The parameters of an assembly function are used by the assembly only. */
#if defined(__GNUC__)
#define MCUCC_UNUSED __attribute__((unused))
#else
#define MCUCC_UNUSED
#endif

/* MCUCC_OLD_COMPILER: what compilers without these attributes get, for the tests. */
#if defined(__has_attribute) && !defined(MCUCC_OLD_COMPILER)
#define MCUCC_HAS_ATTRIBUTE(name) __has_attribute(name)
#else
#define MCUCC_HAS_ATTRIBUTE(name) 0
#endif

/* A function that is its assembly and nothing else, whatever the flags. Canaries of the stack
 * protector, calls of tracers and profilers, counters of coverage and checks of sanitizers would be
 * written into a naked function without saving a register.
 *
 *     MCUCC_ASSEMBLY(result, name, (parameters), "assembly")
 *
 * MCUCC_ASSEMBLY_LOCAL: the same for one file. gcc before 11 cannot keep canaries out of a
 * function: there it is assembly of the file, which link time optimization cannot see into. */
#if defined(__GNUC__)

#if MCUCC_HAS_ATTRIBUTE(no_stack_protector)
#define MCUCC_NO_CANARY __attribute__((no_stack_protector))
#else
#define MCUCC_NO_CANARY
#endif

#if MCUCC_HAS_ATTRIBUTE(no_profile_instrument_function)
#define MCUCC_NO_PROFILE __attribute__((no_profile_instrument_function))
#else
#define MCUCC_NO_PROFILE
#endif

#if MCUCC_HAS_ATTRIBUTE(no_sanitize_coverage)
#define MCUCC_NO_COVERAGE __attribute__((no_sanitize_coverage))
#elif defined(__clang__) && MCUCC_HAS_ATTRIBUTE(no_sanitize)
#define MCUCC_NO_COVERAGE __attribute__((no_sanitize("coverage")))
#else
#define MCUCC_NO_COVERAGE
#endif

#if MCUCC_HAS_ATTRIBUTE(no_sanitize)
#if defined(__clang__)
#define MCUCC_NO_SANITIZER __attribute__((no_sanitize("address", "undefined")))
#else
#define MCUCC_NO_SANITIZER __attribute__((no_sanitize("all")))
#endif
#else
#define MCUCC_NO_SANITIZER
#endif

#if MCUCC_HAS_ATTRIBUTE(patchable_function_entry)
#define MCUCC_NO_PATCH __attribute__((patchable_function_entry(0, 0)))
#else
#define MCUCC_NO_PATCH
#endif

#if MCUCC_HAS_ATTRIBUTE(zero_call_used_regs)
#define MCUCC_NO_ZEROING __attribute__((zero_call_used_regs("skip")))
#else
#define MCUCC_NO_ZEROING
#endif

#define MCUCC_NAKED                                                                           \
    __attribute__((naked, noinline, no_instrument_function)) MCUCC_NO_CANARY MCUCC_NO_PROFILE \
        MCUCC_NO_COVERAGE MCUCC_NO_SANITIZER MCUCC_NO_PATCH MCUCC_NO_ZEROING

#if MCUCC_HAS_ATTRIBUTE(no_stack_protector) || defined(__clang__)

#define MCUCC_ASSEMBLY(result, name, parameters, ...) \
    MCUCC_CODE MCUCC_NAKED result name parameters     \
    {                                                 \
        __asm__(__VA_ARGS__);                         \
    }
#define MCUCC_ASSEMBLY_LOCAL(result, name, parameters, ...) \
    MCUCC_CODE MCUCC_NAKED static result name parameters    \
    {                                                       \
        __asm__(__VA_ARGS__);                               \
    }

#else

#define MCUCC_TEXT_OF(name) #name
#define MCUCC_TEXT(name) MCUCC_TEXT_OF(name) /* of the name that mcucc/abi.h gives it */
#ifdef MCUCC_CODE_SECTION
#define MCUCC_TEXT_SECTION(name) MCUCC_CODE_SECTION
#else
#define MCUCC_TEXT_SECTION(name) ".text." MCUCC_TEXT(name)
#endif
/* clang-format off */
#define MCUCC_ASSEMBLY_LOCAL(result, name, parameters, ...)                   \
    result name parameters;                                                   \
    __asm__(".pushsection " MCUCC_TEXT_SECTION(name) ", \"ax\", %progbits\n"    \
            ".syntax unified\n"                                               \
            ".thumb\n"                                                        \
            ".p2align 2\n"                                                    \
            ".thumb_func\n"                                                   \
            ".type " MCUCC_TEXT(name) ", %function\n"                         \
            MCUCC_TEXT(name) ":\n"                                            \
            __VA_ARGS__                                                       \
            ".size " MCUCC_TEXT(name) ", . - " MCUCC_TEXT(name) "\n"          \
            ".popsection\n");
#define MCUCC_ASSEMBLY(result, name, parameters, ...) \
    __asm__(".global " MCUCC_TEXT(name) "\n");        \
    MCUCC_ASSEMBLY_LOCAL(result, name, parameters, __VA_ARGS__)
/* clang-format on */

#endif

#endif

#endif
