/* What core and compiler have of what kernels use: asked for by the macros of Arm's C Language
 * Extensions, which say what may be used whatever the core is called. Where something is missing
 * the same kernels are C, with the same bytes and slower: mcucc/slow.h warns.
 */
#ifndef MCUCC_CORE_H
#define MCUCC_CORE_H

/* Tables are words of bytes in this order. */
#if defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__)
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#define MCUCC_BIG_ENDIAN
#endif
#elif defined(__ARM_BIG_ENDIAN) || defined(__BIG_ENDIAN) || defined(__BIG_ENDIAN__) || \
    defined(__ARMEB__)
#define MCUCC_BIG_ENDIAN
#endif
#ifdef MCUCC_BIG_ENDIAN
#error "mcucc: weights and kernels are little-endian, this core is built big-endian"
#endif

/* A Cortex-M: nothing is said of other machines, where networks are tested and simulated. */
#if defined(__ARM_ARCH_PROFILE)
#if __ARM_ARCH_PROFILE == 'M'
#define MCUCC_CORTEX_M 1
#endif
#elif defined(__ARM_PROFILE_M__) || defined(__TARGET_PROFILE_M)
#define MCUCC_CORTEX_M 1
#endif
#ifndef MCUCC_CORTEX_M
#define MCUCC_CORTEX_M 0
#endif

/* Assembly in GNU's dialect, in Thumb-2: cores with an ARM state may be built for that. */
#if defined(__GNUC__) && defined(__thumb2__)
#define MCUCC_THUMB2 1
#else
#define MCUCC_THUMB2 0
#endif

/* The DSP instructions of Armv7E-M. */
#if MCUCC_THUMB2 && defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32)
#define MCUCC_DSP 1
#else
#define MCUCC_DSP 0
#endif

/* Assembly that loads words from any address: not where these fault (CCR.UNALIGN_TRP), which a
 * compiler is told by -mno-unaligned-access. What is written in C then loads bytes. */
#if MCUCC_DSP && defined(__ARM_FEATURE_UNALIGNED)
#define MCUCC_DSP_UNALIGNED 1
#else
#define MCUCC_DSP_UNALIGNED 0
#endif

/* Helium: bit 0 is its integers. With -mfloat-abi=soft no compiler admits it, for Q registers are
 * those of the floating-point unit; softfp does, and calls functions as soft does. */
#if MCUCC_THUMB2 && defined(__ARM_FEATURE_MVE)
#if __ARM_FEATURE_MVE & 1
#define MCUCC_MVE 1
#endif
#endif
#ifndef MCUCC_MVE
#define MCUCC_MVE 0
#endif

#endif
