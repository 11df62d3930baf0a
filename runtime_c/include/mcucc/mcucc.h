/* mcucc runtime: what generated networks and kernels share.
 *
 * A kernel computes one output row, or some columns of it, from row pointers. It knows nothing of
 * the plan: rows need not be contiguous, a padded row is a pointer to a row of padding values.
 * All state lives in the caller's arena; there is no malloc, no recursion and no global variable.
 */
#ifndef MCUCC_MCUCC_H
#define MCUCC_MCUCC_H

#include <stddef.h>
#include <stdint.h>

#include "mcucc/abi.h"
#include "mcucc/config.h"
#include "mcucc/core.h"

/* Tables that kernels read as wider words start at a multiple of so many bytes. */
#if defined(__GNUC__) || defined(__clang__)
#define MCUCC_ALIGNED(bytes) __attribute__((aligned(bytes)))
#else
#define MCUCC_ALIGNED(bytes) /* compilers without it: place the tables by the linker */
#endif

/* What the largest access of a kernel needs of an arena's address, on every core: words. */
#define MCUCC_ARENA_LEAST_ALIGNMENT 4

/* What arenas start at a multiple of, if they are not aligned for a cache (NAME_ARENA_ALIGNMENT). */
#define MCUCC_ARENA_ALIGNMENT 8

/* Positions [begin, end) of rows, columns or taps. */
typedef struct {
    int32_t begin;
    int32_t end;
} mcucc_range;

/* What the compiler and its flags decide and this code relies on: another choice does not compile.
 * Assembly reads structs whose fields lie where their types want to lie. */
#define MCUCC_REQUIRE(what, holds) typedef char mcucc_requires_##what[(holds) ? 1 : -1]
MCUCC_REQUIRE(arithmetic_right_shift, (-1 >> 1) == -1 && (INT32_MIN >> 31) == -1);
MCUCC_REQUIRE(conversion_modulo_two_to_the_n, (int8_t)200 == -56 && (int32_t)UINT32_MAX == -1);
#if defined(__GNUC__)
MCUCC_REQUIRE(structs_not_packed, __alignof__(mcucc_range) == __alignof__(int32_t));
#endif

/* Which part of an output row one kernel call computes. Columns and rows count from 0 over the
 * whole tensor, so that a kernel sees for itself where the picture's left and right borders are. */
typedef struct {
    int32_t row;          /* the output row */
    int32_t begin;        /* first output column */
    int32_t end;          /* one past the last output column */
    int32_t input_column; /* the input column that rows[i] points at */
    void *scratch;        /* 4-aligned arena bytes for this call, or NULL where none are needed */
} mcucc_span;

/* One input or output of a network: real = scale * (q - zero_point). */
typedef struct {
    const char *name;
    int32_t height;
    int32_t width;
    int32_t channels;
    float scale;
    int32_t zero_point;
    int32_t offset;      /* bytes from the start of the arena; -1: comes or goes in rows */
    int32_t value_bytes; /* of an integer q: 1 (int8) or 2 (int16) */
} mcucc_tensor;

/* Where camera rows come from, for networks that take the image row by row. Rows of an input are
 * asked for once each, in order, just before they are needed. The last rows of an image may not be
 * needed at all: where no window reaches them, nobody asks for them. Only a network that is
 * compiled for a mapped image may read it strip by strip, and then asks for its rows again in every
 * strip.
 * `read_row` returns 0 where the row is there. Anything else ends the run at once, which returns it
 * (a line lost, a deadline, a cancelled job): there are no outputs then, and the arena is free, for
 * another run too.
 * Two numbers say more. A run ended by MCUCC_ROW_LATE can go on: the slice (NAME_run_slice) that
 * returned it is made again, and asks for its rows again; MCUCC_ROW_KEPT says of a row that it was
 * there the first time, and is in the arena still. mcucc/frame.h keeps count of that. Nothing else
 * may return one of these, and no write_row. */
#define MCUCC_ROW_KEPT INT32_MIN
#define MCUCC_ROW_LATE (INT32_MIN + 1)
typedef struct {
    int32_t (*read_row)(void *context, int32_t input, int32_t row, uint8_t *pixels);
    void *context;
} mcucc_camera;

/* Where rows of outputs go, for networks that are compiled with --output rows. Every row of such an
 * output is handed out once, in order, as soon as it is complete: `values` are its columns one after
 * the other, int8_t or int16_t as NAME.h says, until `write_row` returns. `output` counts all outputs
 * from 0.
 * `write_row` returns 0 to go on. Anything else ends the run at once, which returns it. */
typedef struct {
    int32_t (*write_row)(void *context, int32_t output, int32_t row, const void *values);
    void *context;
} mcucc_sink;

/* A network as data, for firmware that serves any of them. */
typedef struct {
    const char *name;
    uint32_t id; /* first 32 bits of the model file's SHA-256 */
    int32_t arena_bytes;
    int32_t input_count;
    int32_t output_count;
    int32_t step_count;
    const mcucc_tensor *inputs;
    const mcucc_tensor *outputs;
    const char *const *step_names;
    void (*run)(void *arena);                    /* NULL where the image or an output is by rows */
    void (*run_step)(void *arena, int32_t step); /* steps run in order, 0 to step_count - 1 */
    /* The same for networks that take the image in rows, else NULL. They return 0, or what
     * `read_row` ended the run with. */
    int32_t (*stream)(void *arena, const mcucc_camera *camera);
    int32_t (*stream_step)(void *arena, int32_t step, const mcucc_camera *camera);
    /* The same for networks that hand out rows of outputs, in place of those: `camera` may be NULL
     * where no image comes in rows. */
    int32_t (*deliver)(void *arena, const mcucc_camera *camera, const mcucc_sink *sink);
    int32_t (*deliver_step)(void *arena, int32_t step, const mcucc_camera *camera,
                            const mcucc_sink *sink);
} mcucc_model;

#endif
