#include "mcucc/detect_head.h"

#include <string.h>

#include "mcucc/detection.h"

#define FAR_BELOW (-256) /* every byte */
#define SHARE_BITS 20
#define BIN_BITS 16

/* A candidate that is kept; its points lie behind. */
typedef struct {
    uint32_t number;
    mcucc_box box;
} entry;

/* What is looked at: `pixels` are the maps at the first column of the call. */
typedef struct {
    const mcucc_detect_head_params *params;
    const int8_t *const *pixels;
    const mcucc_span *span;
    int32_t *sums;
} head;

/* One of its candidates. */
typedef struct {
    int32_t column; /* from the first of the call */
    int32_t anchor;
    uint32_t number;
    uint32_t score;
    int32_t kind;
} candidate;

MCUCC_CODE static entry *entry_at(const mcucc_detect_head_params *p, int32_t *sums, int32_t index)
{
    return (entry *)(void *)((uint8_t *)(sums + 1) + index * p->entry_bytes);
}

/* Scores ------------------------------------------------------------------------------------- */

MCUCC_CODE static const int8_t *score_bytes(const head *h, const candidate *c)
{
    const mcucc_detect_head_params *p = h->params;
    return h->pixels[p->score_input] + c->column * p->score_pixel + p->score_first +
           c->anchor * p->score_step;
}

/* The largest of the class bytes, and which it is: the first of equals. FAR_BELOW: none counts. */
MCUCC_CODE static int32_t best_class(const head *h, candidate *c)
{
    const mcucc_detect_head_params *p = h->params;
    const int8_t *x = score_bytes(h, c) + p->background;
    int32_t best = FAR_BELOW;
    c->kind = 0;
    if (p->peak_input == MCUCC_NO_MAP) {
        for (int32_t kind = 0; kind < p->classes; ++kind) {
            if (x[kind] > best) {
                best = x[kind];
                c->kind = kind;
            }
        }
        return best;
    }
    const int8_t *pooled = h->pixels[p->peak_input] + c->column * p->peak_pixel + p->peak_first +
                           c->anchor * p->peak_step + p->background;
    for (int32_t kind = 0; kind < p->classes; ++kind) {
        if (x[kind] > best && x[kind] == pooled[kind]) {
            best = x[kind];
            c->kind = kind;
        }
    }
    return best;
}

/* The share of the class with the byte `best` in a softmax over all. */
MCUCC_CODE static uint32_t share(const mcucc_detect_head_params *p, const int8_t *x, int32_t best)
{
    const int32_t count = p->classes + p->background;
    int32_t largest = best;
    uint32_t whole = 0;
    if (p->background && x[0] > largest) {
        largest = x[0];
    }
    for (int32_t i = 0; i < count; ++i) {
        whole += p->powers[largest - x[i]];
    }
    const uint32_t part = mcucc_quotient(p->powers[largest - best], whole, SHARE_BITS);
    const uint64_t scaled = ((uint64_t)part << 16) - part; /* times 65535 */
    return (uint32_t)((scaled + (UINT32_C(1) << (SHARE_BITS - 1))) >> SHARE_BITS);
}

/* The score of a candidate whose first byte has passed. */
MCUCC_CODE static uint32_t score_of(const head *h, candidate *c)
{
    const mcucc_detect_head_params *p = h->params;
    uint32_t score = 65535u;
    c->kind = 0;
    if (p->score_input != MCUCC_NO_MAP) {
        const int32_t best = best_class(h, c);
        if (best == FAR_BELOW) {
            return 0;
        }
        score = p->powers != NULL ? share(p, score_bytes(h, c), best)
                                  : mcucc_byte_score(p->score_table, (int8_t)best);
    }
    if (p->objectness_input != MCUCC_NO_MAP) {
        const int8_t *x = h->pixels[p->objectness_input] + c->column * p->objectness_pixel +
                          p->objectness_first + c->anchor * p->objectness_step;
        score = mcucc_score_product(score, mcucc_byte_score(p->objectness_table, *x));
    }
    return score;
}

/* Places ------------------------------------------------------------------------------------- */

/* The expected bin of a distance: sum i e(x_i) / sum e(x_i). */
MCUCC_CODE static int32_t expected_bin(const mcucc_detect_head_params *p, const int8_t *x)
{
    int32_t largest = x[0];
    uint32_t whole = 0;
    uint32_t weighted = 0;
    for (int32_t i = 1; i < p->bins; ++i) {
        largest = x[i] > largest ? x[i] : largest;
    }
    for (int32_t i = 0; i < p->bins; ++i) {
        const uint32_t power = p->bin_powers[largest - x[i]];
        whole += power;
        weighted += power * (uint32_t)i;
    }
    /* never 0: the largest counts. NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    const uint32_t bin = weighted / whole;
    const uint32_t rest = mcucc_quotient(weighted - bin * whole, whole, BIN_BITS);
    return (int32_t)(bin << BIN_BITS) + (int32_t)rest;
}

/* The numbers of a box: two of place and two of size, or four of place. */
MCUCC_CODE static void numbers_of(const head *h, const candidate *c, int32_t *numbers)
{
    const mcucc_detect_head_params *p = h->params;
    const int8_t *x =
        h->pixels[p->box_input] + c->column * p->box_pixel + p->box_first + c->anchor * p->box_step;
    if (p->bins > 0) {
        for (int32_t side = 0; side < 4; ++side) {
            numbers[side] = expected_bin(p, x + side * p->bins);
        }
        return;
    }
    const int32_t of_place = p->size_input == MCUCC_NO_MAP ? 4 : 2;
    for (int32_t i = 0; i < of_place; ++i) {
        numbers[i] = mcucc_byte_function(p->place_table, p->place_zero, x[i]);
    }
    if (of_place == 4) {
        return;
    }
    const int8_t *size = h->pixels[p->size_input] + c->column * p->size_pixel + p->size_first +
                         c->anchor * p->size_step;
    numbers[2] = mcucc_byte_function(p->size_table, p->size_zero, size[0]);
    numbers[3] = mcucc_byte_function(p->size_table, p->size_zero, size[1]);
}

MCUCC_CODE static void swap(int32_t *numbers)
{
    const int32_t first = numbers[0];
    numbers[0] = numbers[1];
    numbers[1] = first;
}

MCUCC_CODE static int16_t within(int16_t place, int32_t most)
{
    return (int16_t)(place < 0 ? 0 : place > most ? most : place);
}

MCUCC_CODE static void clip(const mcucc_detect_head_params *p, mcucc_box *box)
{
    box->left = within(box->left, p->clip_right);
    box->right = within(box->right, p->clip_right);
    box->top = within(box->top, p->clip_bottom);
    box->bottom = within(box->bottom, p->clip_bottom);
}

/* The corners of a candidate: each a sum of products in 64 bits, rounded once. */
MCUCC_CODE static void box_of(const head *h, const candidate *c, mcucc_box *box)
{
    const mcucc_detect_head_params *p = h->params;
    const int32_t *base = p->bases + 2 * (p->own_bases ? (int32_t)c->number : c->anchor);
    const int32_t *gain = p->gains + 4 * (p->own_gains ? (int32_t)c->number : c->anchor);
    const int32_t shift = p->shift;
    int32_t n[4] = {0, 0, 1, 1}; /* those of CELL */
    if (p->box_input != MCUCC_NO_MAP) {
        numbers_of(h, c, n);
    }
    if (p->form == MCUCC_BOX_CENTER_YX) {
        swap(n);
        swap(n + 2);
    }
    int64_t x = mcucc_place_base(base[0] + (h->span->begin + c->column) * p->stride_x, shift);
    int64_t y = mcucc_place_base(base[1] + h->span->row * p->stride_y, shift);
    int64_t x_gains[2];
    int64_t y_gains[2];
    if (p->form == MCUCC_BOX_SIDES || p->form == MCUCC_BOX_CORNERS) {
        const int32_t sign = p->form == MCUCC_BOX_SIDES ? -1 : 1;
        const int32_t first[2] = {sign * n[0], sign * n[1]};
        x_gains[0] = (int64_t)gain[0] * first[0];
        y_gains[0] = (int64_t)gain[1] * first[1];
        x_gains[1] = (int64_t)gain[0] * n[2];
        y_gains[1] = (int64_t)gain[1] * n[3];
    } else if (p->form == MCUCC_BOX_EDGES) {
        const int64_t half_width = (int64_t)gain[2] * (INT32_C(1) << BIN_BITS);
        const int64_t half_height = (int64_t)gain[3] * (INT32_C(1) << BIN_BITS);
        x_gains[0] = (int64_t)gain[0] * n[0] - half_width;
        y_gains[0] = (int64_t)gain[1] * n[1] - half_height;
        x_gains[1] = (int64_t)gain[0] * n[2] + half_width;
        y_gains[1] = (int64_t)gain[1] * n[3] + half_height;
    } else {
        x += (int64_t)gain[0] * n[0];
        y += (int64_t)gain[1] * n[1];
        x_gains[1] = (int64_t)gain[2] * n[2];
        y_gains[1] = (int64_t)gain[3] * n[3];
        x_gains[0] = -x_gains[1];
        y_gains[0] = -y_gains[1];
    }
    box->left = mcucc_place(x + x_gains[0], shift);
    box->top = mcucc_place(y + y_gains[0], shift);
    box->right = mcucc_place(x + x_gains[1], shift);
    box->bottom = mcucc_place(y + y_gains[1], shift);
    if (p->clip_right > 0) {
        clip(p, box);
    }
}

MCUCC_CODE static void points_of(const head *h, const candidate *c, mcucc_point *point)
{
    const mcucc_detect_head_params *p = h->params;
    const int32_t *base =
        p->point_bases + 2 * (p->point_own_bases ? (int32_t)c->number : c->anchor);
    const int32_t *gain =
        p->point_gains + 4 * (p->point_own_gains ? (int32_t)c->number : c->anchor);
    const int32_t shift = p->point_shift;
    const int8_t *q = h->pixels[p->point_input] + c->column * p->point_pixel + p->point_first +
                      c->anchor * p->point_step;
    const int32_t column = h->span->begin + c->column;
    const int64_t x = mcucc_place_base(base[0] + column * p->point_stride_x, shift);
    const int64_t y = mcucc_place_base(base[1] + h->span->row * p->point_stride_y, shift);
    for (int32_t i = 0; i < p->points; ++i) {
        const int32_t right = mcucc_byte_function(p->point_place_table, p->point_place_zero, q[0]);
        const int32_t down = mcucc_byte_function(p->point_place_table, p->point_place_zero, q[1]);
        point->x = mcucc_place(x + (int64_t)gain[0] * right, shift);
        point->y = mcucc_place(y + (int64_t)gain[1] * down, shift);
        point->score = UINT16_MAX;
        if (p->point_scores != NULL) {
            point->score = (uint16_t)mcucc_byte_score(p->point_scores, q[2]);
        }
        ++point;
        q += p->point_numbers;
    }
}

/* The list ----------------------------------------------------------------------------------- */

/* Whether a candidate comes before an entry: of equal scores the first in the map does. */
MCUCC_CODE static int32_t before(const candidate *c, const entry *other)
{
    return c->score != other->box.score ? c->score > other->box.score : c->number < other->number;
}

/* Where a candidate belongs among the best; `most`: nowhere. */
MCUCC_CODE static int32_t rank(const head *h, const candidate *c)
{
    int32_t index = h->sums[0];
    while (index > 0 && before(c, entry_at(h->params, h->sums, index - 1))) {
        --index;
    }
    return index;
}

/* A candidate whose first byte has passed. */
MCUCC_CODE static void consider(const head *h, int32_t column, int32_t anchor)
{
    const mcucc_detect_head_params *p = h->params;
    candidate c = {column, anchor, 0, 0, 0};
    const int32_t cell = h->span->row * p->width + h->span->begin + column;
    c.number = (uint32_t)(cell * p->anchors + anchor);
    c.score = score_of(h, &c);
    if (c.score < (uint32_t)p->least) {
        return;
    }
    const int32_t index = rank(h, &c);
    if (index == p->most) {
        return;
    }
    entry *here = entry_at(p, h->sums, index);
    const int32_t last = h->sums[0] < p->most ? h->sums[0] : p->most - 1;
    memmove(entry_at(p, h->sums, index + 1), here, (size_t)(last - index) * (size_t)p->entry_bytes);
    h->sums[0] = last + 1;
    here->number = c.number;
    here->box.score = (uint16_t)c.score;
    here->box.kind = (uint8_t)c.kind;
    here->box.zero = 0;
    box_of(h, &c, &here->box);
    if (p->points > 0) {
        points_of(h, &c, (mcucc_point *)(here + 1));
    }
}

/* Rows --------------------------------------------------------------------------------------- */

/* One byte a candidate, `step` apart: those of `count` that are large enough are considered. */
MCUCC_CODE static void look_at(const head *h, const int8_t *x, int32_t step, int32_t column,
                               int32_t count)
{
    const int32_t least = h->params->least_byte;
    const int32_t anchors = h->params->anchors;
    int32_t i = mcucc_bytes_below(x, step, count, least);
    while (i < count) {
        consider(h, column + i / anchors, i % anchors);
        ++i;
        i += mcucc_bytes_below(x + i * step, step, count - i, least);
    }
}

/* All candidates of one byte: columns and anchors are one loop where they are equally far apart. */
MCUCC_CODE static void look_at_row(const head *h, const int8_t *x, int32_t pixel, int32_t step)
{
    const int32_t columns = h->span->end - h->span->begin;
    const int32_t anchors = h->params->anchors;
    if (anchors == 1 || pixel == anchors * step) {
        look_at(h, x, anchors == 1 ? pixel : step, 0, columns * anchors);
        return;
    }
    for (int32_t column = 0; column < columns; ++column) {
        look_at(h, x, step, column, anchors);
        x += pixel;
    }
}

/* Candidates of several class bytes: one of them is large enough, above the background's where there
 * is a softmax. */
MCUCC_CODE static void look_at_classes(const head *h)
{
    const mcucc_detect_head_params *p = h->params;
    const int32_t columns = h->span->end - h->span->begin;
    const int32_t relative = p->powers != NULL && p->background;
    const int8_t *pixel = h->pixels[p->score_input] + p->score_first;
    for (int32_t column = 0; column < columns; ++column, pixel += p->score_pixel) {
        const int8_t *x = pixel;
        for (int32_t anchor = 0; anchor < p->anchors; ++anchor, x += p->score_step) {
            const int32_t least = p->least_byte + (relative ? x[0] : 0);
            if (mcucc_bytes_below(x + p->background, 1, p->classes, least) < p->classes) {
                consider(h, column, anchor);
            }
        }
    }
}

MCUCC_CODE void mcucc_detect_head_begin(const mcucc_detect_head_params *params, int32_t *sums)
{
    (void)params;
    sums[0] = 0;
}

MCUCC_CODE void mcucc_detect_head_row(const mcucc_detect_head_params *params,
                                      const int8_t *const *rows, int32_t *sums,
                                      const mcucc_span *span)
{
    const mcucc_detect_head_params *p = params;
    const head h = {params, rows, span, sums};
    if (p->objectness_input != MCUCC_NO_MAP) {
        look_at_row(&h, rows[p->objectness_input] + p->objectness_first, p->objectness_pixel,
                    p->objectness_step);
    } else if (p->classes == 1 && p->powers == NULL) {
        look_at_row(&h, rows[p->score_input] + p->score_first + p->background, p->score_pixel,
                    p->score_step);
    } else {
        look_at_classes(&h);
    }
}

MCUCC_CODE void mcucc_detect_head_finish(const mcucc_detect_head_params *params,
                                         const int32_t *sums, int8_t *out)
{
    const mcucc_detect_head_params *p = params;
    const int32_t size = (int32_t)sizeof(mcucc_box) + p->points * (int32_t)sizeof(mcucc_point);
    const uint8_t *from = (const uint8_t *)(sums + 1) + sizeof(uint32_t);
    for (int32_t i = 0; i < sums[0]; ++i) {
        memcpy(out, from, (size_t)size);
        out += size;
        from += p->entry_bytes;
    }
    memset(out, 0, (size_t)(p->most - sums[0]) * (size_t)size);
}
