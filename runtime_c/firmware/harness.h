/* The firmware around a network: start-up, fence, transport and measurement.
 *
 * Nothing here belongs to the library that mcucc generates. The harness has a code memory, a RAM
 * and a stack of its own, outside the board's memories, so that the board's RAM holds exactly what
 * a product would hold: the library's static data, its stack and the arena.
 */
#ifndef MCUCC_HARNESS_H
#define MCUCC_HARNESS_H

#include <mcucc/compiler.h>
#include <mcucc/mcucc.h>

/* One region of the memory protection: RBAR and RASR (PMSAv7), RBAR and RLAR (PMSAv8), or pmpaddr
 * and the byte of pmpcfg (RISC-V). */
typedef struct {
    uint32_t base;
    uint32_t attributes;
} mcucc_fence_region;

/* What mcucc_now reads. */
enum {
    MCUCC_COUNTER_PLAIN = 0,   /* Arm: *timer, which runs upwards. RISC-V: minstret */
    MCUCC_COUNTER_SYSTICK = 1, /* *timer runs downwards in 24 bits; its periods are counted */
    MCUCC_COUNTER_MCYCLE = 2,
    MCUCC_COUNTER_MPCCR = 3 /* Espressif's RISC-V */
};

/* Written by the toolchain for one board and its models. */
typedef struct {
    const mcucc_model *const *models;
    int32_t model_count;
    uint8_t *arena;
    int32_t arena_bytes;
    const mcucc_fence_region *fence;
    uint32_t fence_count;
    uint32_t counter;
    volatile uint32_t *timer; /* Arm only */
} mcucc_harness_config;

extern const mcucc_harness_config mcucc_config;

/* Exit codes: the last record is `##exit N`. */
enum {
    MCUCC_EXIT_PASS = 0,
    MCUCC_EXIT_MISMATCH = 1, /* the same image gave two results: the arena is read before written */
    MCUCC_EXIT_FAULT = 70,
    MCUCC_EXIT_FENCE = 71,  /* the MPU has too few regions */
    MCUCC_EXIT_REQUEST = 72 /* unknown model, a broken input, an arena that is too small */
};

/* What runs when something faults: -1 outside the network. */
extern volatile int32_t mcucc_current_image;
extern volatile int32_t mcucc_current_step;

/* start.c */
void mcucc_start(void) __attribute__((noreturn, used));

/* <architecture>/reset.c. A body is a function of (arena) or (arena, step), called by assembly. */
typedef void (*mcucc_body)(void);
void mcucc_core_start(void);
void mcucc_on_library_stack(mcucc_body body, void *arena, int32_t step);

/* <architecture>/core.c */
uint32_t mcucc_now(void); /* the timer; every reading costs the same */
void mcucc_period(void);  /* Arm: SysTick's interrupt */
void mcucc_nothing(void); /* one instruction: its timing is the overhead of timing */
void mcucc_known(void);   /* 502 instructions: what the host checks the timer with */
uint32_t mcucc_semihost(uint32_t operation, const void *block);

/* <architecture>/fence.c */
uint32_t mcucc_fence_up(void); /* 1: the fence stands, 0: this core has none */

/* main.c */
void mcucc_main(void);

/* records.c */
void mcucc_record(const char *key, uint32_t value);
void mcucc_record_image(int32_t image, const char *key, uint32_t value);
void mcucc_record_step(int32_t image, const char *key, int32_t step, uint32_t value);
void mcucc_finish(uint32_t status) __attribute__((noreturn));
void mcucc_finish_fault(void) __attribute__((noreturn)); /* names the step */
uint32_t mcucc_crc32(uint32_t crc, const uint8_t *data, int32_t count);

/* transport_*.c */
void mcucc_transport_open(char *request, int32_t capacity); /* gets the request line */
/* 1 all read, 0 at the end, -1 broken. To read 0 bytes tells whether there are more, and costs what
 * a row costs. */
int32_t mcucc_transport_read(uint8_t *data, int32_t count);
void mcucc_transport_write(const uint8_t *data, int32_t count);
void mcucc_transport_print(const char *line);
void mcucc_transport_exit(uint32_t status) __attribute__((noreturn));

#endif
