/* What an application may decide: where tables, code and arenas lie, and whether arguments are
 * checked (docs/placement.md). By -D, or in a header of yours: mcucc_config.h on the include path,
 * or whatever MCUCC_CONFIG_H names in quotes.
 */
#ifndef MCUCC_CONFIG_MCUCC_H
#define MCUCC_CONFIG_MCUCC_H

#if defined(MCUCC_CONFIG_H)
#include MCUCC_CONFIG_H
#elif defined(__has_include)
#if __has_include("mcucc_config.h")
#include "mcucc_config.h"
#endif
#endif

/* Each is an attribute in front of a definition, or made from the name of a section in quotes. */
#if defined(__GNUC__)
#define MCUCC_IN_SECTION(name) __attribute__((section(name)))
#endif

/* Weights and tables: constant, read in order. */
#ifndef MCUCC_WEIGHTS
#ifdef MCUCC_WEIGHTS_SECTION
#define MCUCC_WEIGHTS MCUCC_IN_SECTION(MCUCC_WEIGHTS_SECTION)
#else
#define MCUCC_WEIGHTS
#endif
#endif

/* Every function of networks and kernels. */
#ifndef MCUCC_CODE
#ifdef MCUCC_CODE_SECTION
#define MCUCC_CODE MCUCC_IN_SECTION(MCUCC_CODE_SECTION)
#else
#define MCUCC_CODE
#endif
#endif

/* Arenas that NAME_STATIC_ARENA declares. */
#ifndef MCUCC_ARENA
#ifdef MCUCC_ARENA_SECTION
#define MCUCC_ARENA MCUCC_IN_SECTION(MCUCC_ARENA_SECTION)
#else
#define MCUCC_ARENA
#endif
#endif

/* With MCUCC_DEBUG functions of NAME.h check their arguments; without, nothing of it is code. A
 * check that fails stops at an instruction that faults, or does what your MCUCC_ASSERT does. */
#ifdef MCUCC_DEBUG
#ifndef MCUCC_ASSERT
#if defined(__GNUC__)
#define MCUCC_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#include <stdlib.h>
#define MCUCC_ASSERT(condition) ((condition) ? (void)0 : abort())
#endif
#endif
#else
#undef MCUCC_ASSERT
#define MCUCC_ASSERT(condition) ((void)0)
#endif

#endif
