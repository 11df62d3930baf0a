/* Warns where a network's kernels cannot be what they were chosen for. Each network includes this
 * once, behind macros that say what its kernels want. Only for a Cortex-M, and not where
 * MCUCC_ALLOW_SLOW is defined: outputs are the same bytes, it takes longer.
 */
#ifndef MCUCC_SLOW_H
#define MCUCC_SLOW_H

#include "mcucc/core.h"

#if MCUCC_CORTEX_M && !defined(MCUCC_ALLOW_SLOW)

#if defined(MCUCC_WANTS_MVE) && !MCUCC_MVE
#if defined(__SOFTFP__)
#define MCUCC_SLOW_WITHOUT_FPU
#else
#define MCUCC_SLOW_WITHOUT_MVE
#endif
#elif defined(MCUCC_WANTS_DSP) && !MCUCC_DSP
#if defined(__ARM_FEATURE_DSP) && !defined(__GNUC__)
#define MCUCC_SLOW_WITHOUT_GNU
#else
#define MCUCC_SLOW_WITHOUT_DSP
#endif
#elif defined(MCUCC_WANTS_DSP) && !MCUCC_DSP_UNALIGNED
#define MCUCC_SLOW_WITHOUT_UNALIGNED
#elif defined(MCUCC_WANTS_THUMB2) && !MCUCC_THUMB2
#define MCUCC_SLOW_WITHOUT_THUMB2
#endif

/* clang-format off */
#if defined(__GNUC__) || defined(__ICCARM__) || defined(__CC_ARM)
#if defined(MCUCC_SLOW_WITHOUT_FPU)
#warning "mcucc: 10 to 20 times slower: no Helium with -mfloat-abi=soft. Build with hard or softfp, or define MCUCC_ALLOW_SLOW"
#elif defined(MCUCC_SLOW_WITHOUT_MVE)
#warning "mcucc: 10 to 20 times slower: this network is for Helium, the core is built without. Build with -mcpu=cortex-m55, compile for this board, or define MCUCC_ALLOW_SLOW"
#elif defined(MCUCC_SLOW_WITHOUT_DSP)
#warning "mcucc: 2 to 3 times slower: this network is for a core with DSP instructions, this is none. Build for the board's core (-mcpu), compile for this board, or define MCUCC_ALLOW_SLOW"
#elif defined(MCUCC_SLOW_WITHOUT_GNU)
#warning "mcucc: 3 times slower: DSP instructions need a compiler of GNU's dialect (gcc, clang, armclang). Take one, or define MCUCC_ALLOW_SLOW"
#elif defined(MCUCC_SLOW_WITHOUT_UNALIGNED)
#warning "mcucc: slower: -mno-unaligned-access leaves out assembly that reads words from any address. Leave it out, or define MCUCC_ALLOW_SLOW"
#elif defined(MCUCC_SLOW_WITHOUT_THUMB2)
#warning "mcucc: slower: this network is for a Cortex-M3. Build with -mcpu=cortex-m3, compile for this board, or define MCUCC_ALLOW_SLOW"
#endif
#elif defined(MCUCC_SLOW_WITHOUT_FPU) || defined(MCUCC_SLOW_WITHOUT_MVE) || \
    defined(MCUCC_SLOW_WITHOUT_DSP) || defined(MCUCC_SLOW_WITHOUT_GNU) ||   \
    defined(MCUCC_SLOW_WITHOUT_THUMB2)
#pragma message("mcucc: slower: the network is for another core or compiler (mcucc/slow.h)")
#endif
/* clang-format on */

#endif

#endif
