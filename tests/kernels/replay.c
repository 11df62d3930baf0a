/* Replays the recordings of driver.py: every buffer is an allocation of exactly its size, so that
 * AddressSanitizer sees one byte too many. Kernels are found by name in this executable. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mcucc/mcucc.h"

typedef void (*kernel_call)(const void *, const int8_t *const *, void *, const mcucc_span *);
typedef void (*sink_begin)(const void *, int32_t *);
typedef void (*sink_finish)(const void *, const int32_t *, int8_t *);

static FILE *source;
static FILE *target;

static void fail(const char *what)
{
    fprintf(stderr, "replay: %s\n", what);
    exit(2);
}

static int32_t read_word(void)
{
    int32_t word;
    if (fread(&word, sizeof word, 1, source) != 1) {
        fail("truncated file");
    }
    return word;
}

static void *read_blob(void)
{
    const int32_t word = read_word();
    const size_t size = (size_t)word;
    void *data = word < 0 ? NULL : malloc(size);
    if (word > 0 && fread(data, 1, size, source) != size) {
        fail("truncated file");
    }
    return data;
}

static void find(const char *name, const char *ending, void *function)
{
    char symbol[128];
    void *address;
    snprintf(symbol, sizeof symbol, "%s%s", name, ending);
    address = dlsym(RTLD_DEFAULT, symbol);
    if (address == NULL) {
        fail(symbol);
    }
    memcpy(function, &address, sizeof address);
}

/* One call; rows are freed after it, the output is written to the target file. */
static void replay_step(kernel_call call, const void *params, int32_t alias, int32_t sink,
                        void *scratch)
{
    const int32_t has_span = read_word();
    mcucc_span span;
    int32_t out_bytes;
    int32_t row_count;
    int8_t **rows;
    int8_t *out;
    memset(&span, 0, sizeof span);
    span.row = read_word();
    span.begin = read_word();
    span.end = read_word();
    span.input_column = read_word();
    out_bytes = read_word();
    row_count = read_word();
    rows = malloc((size_t)row_count * sizeof *rows);
    for (int32_t row = 0; row < row_count; ++row) {
        rows[row] = read_blob();
    }
    out = alias < 0 ? malloc((size_t)out_bytes) : rows[alias];
    span.scratch = sink ? NULL : scratch;
    call(params, (const int8_t *const *)rows, sink ? scratch : out,
         has_span || span.scratch != NULL ? &span : NULL);
    fwrite(out, 1, (size_t)out_bytes, target);
    for (int32_t row = 0; row < row_count; ++row) {
        free(rows[row]);
    }
    free(rows);
    if (alias < 0) {
        free(out);
    }
}

static void replay_recording(void)
{
    char *name = read_blob();
    const int32_t sink = read_word();
    const int32_t scratch_bytes = read_word();
    const int32_t alias = read_word();
    const int32_t total = read_word();
    char *params = read_blob();
    const int32_t table_count = read_word();
    void **tables = malloc((size_t)table_count * sizeof *tables);
    void *scratch = scratch_bytes > 0 ? malloc((size_t)scratch_bytes) : NULL;
    kernel_call call;
    int32_t steps;

    for (int32_t table = 0; table < table_count; ++table) {
        const int32_t offset = read_word();
        tables[table] = read_blob();
        memcpy(params + offset, &tables[table], sizeof tables[table]);
    }
    find(name, sink ? "_row" : "", &call);
    if (sink) {
        sink_begin begin;
        find(name, "_begin", &begin);
        begin(params, scratch);
    }
    for (steps = read_word(); steps > 0; --steps) {
        replay_step(call, params, alias, sink, scratch);
    }
    if (sink) {
        int8_t *out = malloc((size_t)total);
        sink_finish finish;
        find(name, "_finish", &finish);
        finish(params, scratch, out);
        fwrite(out, 1, (size_t)total, target);
        free(out);
    }
    for (int32_t table = 0; table < table_count; ++table) {
        free(tables[table]);
    }
    free(tables);
    free(scratch);
    free(params);
    free(name);
}

int main(int argc, char **argv)
{
    int next;
    if (argc != 3) {
        fail("usage: replay RECORDINGS OUTPUTS");
    }
    source = fopen(argv[1], "rb");
    target = fopen(argv[2], "wb");
    if (source == NULL || target == NULL) {
        fail("cannot open the files");
    }
    while ((next = fgetc(source)) != EOF) {
        ungetc(next, source);
        replay_recording();
    }
    fclose(source);
    return fclose(target) == 0 ? 0 : 2;
}
