#include "mcucc/suppress.h"

#include <string.h>

#include "mcucc/detection.h"

/* What is kept: `count` records at `out`. */
typedef struct {
    const mcucc_suppress_params *params;
    int8_t *out;
    int32_t count;
} kept;

MCUCC_CODE static mcucc_box record_at(const int8_t *list, int32_t index, int32_t size)
{
    mcucc_box box; /* at any address */
    memcpy(&box, list + index * size, sizeof box);
    return box;
}

MCUCC_CODE static int32_t same_class(const kept *k, const mcucc_box *a, const mcucc_box *b)
{
    return k->params->agnostic || a->kind == b->kind;
}

/* Overlaps ----------------------------------------------------------------------------------- */

MCUCC_CODE static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

MCUCC_CODE static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Sides of int16 have 16 bits. */
MCUCC_CODE static uint32_t area_of(const mcucc_box *box)
{
    const int32_t width = (int32_t)box->right - box->left;
    const int32_t height = (int32_t)box->bottom - box->top;
    return width > 0 && height > 0 ? (uint32_t)width * (uint32_t)height : 0;
}

/* Whether the intersection of two boxes is more than the share of their union. */
MCUCC_CODE static int32_t overlap(const mcucc_box *a, const mcucc_box *b, int32_t share)
{
    const int32_t width = smaller(a->right, b->right) - larger(a->left, b->left);
    const int32_t height = smaller(a->bottom, b->bottom) - larger(a->top, b->top);
    if (width <= 0 || height <= 0) {
        return 0;
    }
    const uint32_t common = (uint32_t)width * (uint32_t)height;
    const uint64_t both = (uint64_t)area_of(a) + area_of(b) - common;
    return (uint64_t)common << 16 > both * (uint32_t)share;
}

MCUCC_CODE static int32_t is_new(const kept *k, const mcucc_box *box)
{
    const mcucc_suppress_params *p = k->params;
    for (int32_t i = 0; i < k->count; ++i) {
        const mcucc_box other = record_at(k->out, i, p->record_bytes);
        if (same_class(k, box, &other) && overlap(box, &other, p->share)) {
            return 0;
        }
    }
    return 1;
}

/* Boxes that meet ---------------------------------------------------------------------------- */

MCUCC_CODE static int32_t meet(const mcucc_box *a, const mcucc_box *b)
{
    return (int32_t)a->left - b->right <= 1 && (int32_t)b->left - a->right <= 1 &&
           (int32_t)a->top - b->bottom <= 1 && (int32_t)b->top - a->bottom <= 1;
}

/* The first of what is kept that a box meets; -1: none. `own` is its own place, or -1. */
MCUCC_CODE static int32_t neighbour(const kept *k, const mcucc_box *box, int32_t own)
{
    for (int32_t i = 0; i < k->count; ++i) {
        const mcucc_box other = record_at(k->out, i, k->params->record_bytes);
        if (i != own && same_class(k, box, &other) && meet(box, &other)) {
            return i;
        }
    }
    return -1;
}

/* The record at a place takes in a box. */
MCUCC_CODE static mcucc_box grow(const kept *k, int32_t index, const mcucc_box *box)
{
    const int32_t size = k->params->record_bytes;
    mcucc_box own = record_at(k->out, index, size);
    own.left = (int16_t)smaller(own.left, box->left);
    own.top = (int16_t)smaller(own.top, box->top);
    own.right = (int16_t)larger(own.right, box->right);
    own.bottom = (int16_t)larger(own.bottom, box->bottom);
    memcpy(k->out + index * size, &own, sizeof own);
    return own;
}

MCUCC_CODE static void drop(kept *k, int32_t index)
{
    const int32_t size = k->params->record_bytes;
    int8_t *here = k->out + index * size;
    --k->count;
    memmove(here, here + size, (size_t)(k->count - index) * (size_t)size);
}

/* Whether a box has become part of what is kept. What has grown may meet another that is kept. */
MCUCC_CODE static int32_t joins(kept *k, mcucc_box box)
{
    int32_t own = -1;
    for (;;) {
        const int32_t other = neighbour(k, &box, own);
        if (other < 0) {
            return own >= 0;
        }
        const int32_t better = own < 0 ? other : smaller(own, other);
        const mcucc_box met = record_at(k->out, other, k->params->record_bytes);
        grow(k, better, &met);
        box = grow(k, better, &box);
        if (own >= 0) {
            drop(k, larger(own, other));
        }
        own = better;
    }
}

/* The lists ---------------------------------------------------------------------------------- */

/* The list with the best record next, the first of equals; -1: all have ended. */
MCUCC_CODE static int32_t best_list(const mcucc_suppress_params *p, const int8_t *const *rows,
                                    const int16_t *next)
{
    uint32_t score = 0;
    int32_t best = -1;
    for (int32_t list = 0; list < p->lists; ++list) {
        if (next[list] < p->lengths[list]) {
            const uint32_t own = record_at(rows[list], next[list], p->record_bytes).score;
            if (own > score) {
                score = own;
                best = list;
            }
        }
    }
    return best;
}

MCUCC_CODE void mcucc_suppress(const mcucc_suppress_params *params, const int8_t *const *rows,
                               int8_t *out, const mcucc_span *span)
{
    const mcucc_suppress_params *p = params;
    kept k = {params, out, 0};
    int16_t next[MCUCC_SUPPRESS_LISTS] = {0};
    (void)span;
    for (;;) {
        const int32_t list = best_list(p, rows, next);
        if (list < 0 || (k.count == p->most && p->merge != MCUCC_MERGE_TOUCHING)) {
            break;
        }
        const int8_t *from = rows[list] + next[list] * p->record_bytes;
        const mcucc_box box = record_at(from, 0, p->record_bytes);
        ++next[list];
        if ((p->merge == MCUCC_MERGE_NMS && !is_new(&k, &box)) ||
            (p->merge == MCUCC_MERGE_TOUCHING && joins(&k, box)) || k.count == p->most) {
            continue;
        }
        memcpy(out + k.count * p->record_bytes, from, (size_t)p->record_bytes);
        ++k.count;
    }
    memset(out + k.count * p->record_bytes, 0,
           (size_t)(p->most - k.count) * (size_t)p->record_bytes);
}
