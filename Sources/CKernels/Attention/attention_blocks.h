// Attention over one KV block for one vector width: a template that attention_avx2.c and attention_avx512.c include.
//
// Responsible for: some queries at once over the 32 positions of a block, so that keys and values are loaded once for all.
// Must not know: which instructions there are, other blocks. Besides vectors and functions on them there must be
//  TILE_QUERIES   queries whose scores are kept in registers at once
//  VALUE_QUERIES  queries, VALUE_VECTORS vectors of a head's values, that are summed up at once

#include "Formats/keys_values.h"
#include "Levels/kernels_table.h"
#include "Vectors/vector_math.h"

#include <math.h>

#define SCORE_VECTORS (TK_KV_BLOCK / LANES)

/// LANES elements of keys or values from `index` on, without their scales.
INLINE floats load_elements(tk_kv_type type, const void *elements, size_t index) {
    switch (type) {
    case TK_KV_F32: return load_floats((const float *)elements + index);
    case TK_KV_F16: return widen_halves((const uint8_t *)elements + 2 * index);
    default: return widen_bytes((const int8_t *)elements + index);
    }
}

INLINE const uint8_t *scales_of(const void *elements, size_t head_size) {
    return (const uint8_t *)elements + TK_KV_BLOCK * head_size;
}

INLINE size_t element_bytes(tk_kv_type type) {
    return type == TK_KV_F32 ? 4 : type == TK_KV_F16 ? 2 : 1;
}

/// How many elements ahead the first queries ask for memory: a single token is bound by it.
#define AHEAD_ELEMENTS 2048

/// Asks for the line so far after byte `at` of the keys, the values and the next block's keys, one after the other.
INLINE void ask_ahead(tk_kv_type type, const tk_kv_head *head, size_t at) {
    at += AHEAD_ELEMENTS * element_bytes(type);
    if (at < head->bytes) {
        prefetch(head->keys + at);
    } else if (at < 2 * head->bytes) {
        prefetch(head->values + at - head->bytes);
    } else if (head->next) {
        prefetch(head->next + at - 2 * head->bytes);
    }
}

/// scores[q][0 ..< 32] of the rules, -infinity outside of a query's span.
INLINE void score(
    tk_kv_type type, size_t count, floats scores[][SCORE_VECTORS], const tk_attention_shape *shape,
    const tk_attending *queries, const tk_kv_head *head, int asks) {
    const size_t head_size = shape->head_size, row_bytes = TK_KV_BLOCK * element_bytes(type);
    const void *keys = head->keys;
    for (size_t q = 0; q < count; q++) {
        for (size_t j = 0; j < SCORE_VECTORS; j++) scores[q][j] = all_floats(0);
    }
    for (size_t start = 0; start < head_size; start += 32) {
        const size_t end = head_size - start < 32 ? head_size : start + 32;
        floats scales[SCORE_VECTORS];
        for (size_t j = 0; j < SCORE_VECTORS && type == TK_KV_Q8_0; j++) {
            scales[j] = widen_halves(scales_of(keys, head_size) + 2 * (start + j * LANES));
        }
        for (size_t d = start; d < end; d++) {
            for (size_t line = d * row_bytes; asks && line < (d + 1) * row_bytes; line += 64) ask_ahead(type, head, line);
            floats key[SCORE_VECTORS];
            for (size_t j = 0; j < SCORE_VECTORS; j++) {
                key[j] = load_elements(type, keys, d * TK_KV_BLOCK + j * LANES);
                if (type == TK_KV_Q8_0) key[j] = scales[j] * key[j];
            }
            for (size_t q = 0; q < count; q++) {
                const floats value = all_floats(queries[q].query[d]);
                for (size_t j = 0; j < SCORE_VECTORS; j++) scores[q][j] = multiply_add(value, key[j], scores[q][j]);
            }
        }
    }
    for (size_t q = 0; q < count; q++) {
        for (size_t j = 0; j < SCORE_VECTORS; j++) {
            floats scaled = scores[q][j] * all_floats(shape->scale);
            if (shape->softcap != 0) scaled = capped(scaled, shape->softcap);
            scores[q][j] = where_inside(scaled, j * LANES, queries[q].span.start, queries[q].span.end);
        }
    }
}

/// The reduction of the 32 elements of a block.
INLINE float sum_of_scores(const floats e[SCORE_VECTORS]) {
    floats partial[VECTORS];
    for (size_t v = 0; v < VECTORS; v++) partial[v] = e[v] + e[VECTORS + v];
    return reduce(partial);
}

/// e [32] of a query from its scores; its maximum and sum go on. Returns what its acc is to be multiplied by.
INLINE float raise(float *e, floats scores[SCORE_VECTORS], tk_attending *query) {
    floats most = all_floats(query->maximum);
    for (size_t j = 0; j < SCORE_VECTORS; j++) most = larger(scores[j], most);  // NaN scores are passed over
    const float raised = largest_lane(most);
    const floats change = exponential(all_floats(query->maximum - raised));
    const float correction = query->maximum == -INFINITY ? 0.0f : change[0];
    query->maximum = raised;
    for (size_t j = 0; j < SCORE_VECTORS; j++) {
        scores[j] = exponential(scores[j] - all_floats(raised));
        store_floats(e + j * LANES, scores[j]);
    }
    query->sum = __builtin_fmaf(query->sum, correction, sum_of_scores(scores));
    return correction;
}

/// acc[q][d ..< d + vectors * LANES] = acc * correction, then e[q][p] * values[p] in order of p; count and vectors are
/// constants. `shared`: all spans are equal.
INLINE void add_values(
    tk_kv_type type, size_t count, size_t vectors, int shared, size_t head_size, size_t d, tk_attending *queries,
    float e[][TK_KV_BLOCK], const float *corrections, const tk_kv_head *head, tk_span span, int asks) {
    const void *values = head->values;
    const size_t stretch = vectors * LANES * element_bytes(type);
    floats acc[VALUE_QUERIES][VALUE_VECTORS];
    for (size_t q = 0; q < count; q++) {
        for (size_t j = 0; j < vectors; j++) {
            acc[q][j] = load_floats(queries[q].acc + d + j * LANES) * all_floats(corrections[q]);
        }
    }
    const uint8_t *scales = scales_of(values, head_size);
    for (size_t p = span.start; p < span.end; p++) {
        const size_t at = head->bytes + (p * head_size + d) * element_bytes(type);
        for (size_t line = 0; asks && line < stretch; line += 64) ask_ahead(type, head, at + line);
        floats value[VALUE_VECTORS];
        for (size_t j = 0; j < vectors; j++) {
            value[j] = load_elements(type, values, p * head_size + d + j * LANES);
            if (type == TK_KV_Q8_0) {
                const size_t scale = p * tk_kv_scales(head_size) + (d + j * LANES) / 32;
                value[j] = all_of_half(scales + 2 * scale) * value[j];
            }
        }
        for (size_t q = 0; q < count; q++) {
            const floats weight = all_floats(e[q][p]);
            const int sees = shared || (p >= queries[q].span.start && p < queries[q].span.end);
            for (size_t j = 0; j < vectors; j++) {
                acc[q][j] = shared ? multiply_add(weight, value[j], acc[q][j])
                                   : multiply_add_if(sees, weight, value[j], acc[q][j]);
            }
        }
    }
    for (size_t q = 0; q < count; q++) {
        for (size_t j = 0; j < vectors; j++) store_floats(queries[q].acc + d + j * LANES, acc[q][j]);
    }
}

/// The elements of a head that fill no vector.
static void add_values_of_rest(
    tk_kv_type type, size_t head_size, size_t d, tk_attending *query, const float *e, float correction,
    const void *values) {
    const uint8_t *scales = scales_of(values, head_size);
    for (; d < head_size; d++) {
        float acc = query->acc[d] * correction;
        for (size_t p = query->span.start; p < query->span.end; p++) {
            const size_t i = p * head_size + d;
            float value;
            switch (type) {
            case TK_KV_F32: value = ((const float *)values)[i]; break;
            case TK_KV_F16: value = tk_float_of_half(tk_load_u16((const uint16_t *)values + i)); break;
            default: {
                const uint8_t *scale = scales + 2 * (p * tk_kv_scales(head_size) + d / 32);
                value = tk_float_of_half(tk_load_u16(scale)) * (float)((const int8_t *)values)[i];
            }
            }
            acc = __builtin_fmaf(e[p], value, acc);
        }
        query->acc[d] = acc;
    }
}

/// The values of a block for some queries, whose e and corrections are given; count is a constant.
INLINE void attend_values(
    tk_kv_type type, size_t count, size_t head_size, tk_attending *queries, float e[][TK_KV_BLOCK],
    const float *corrections, const tk_kv_head *head, int asks) {
    tk_span span = queries[0].span;
    int shared = 1;
    for (size_t q = 1; q < count; q++) {
        shared &= queries[q].span.start == queries[0].span.start && queries[q].span.end == queries[0].span.end;
        span.start = queries[q].span.start < span.start ? queries[q].span.start : span.start;
        span.end = queries[q].span.end > span.end ? queries[q].span.end : span.end;
    }
    size_t d = 0;
    for (; d + VALUE_VECTORS * LANES <= head_size; d += VALUE_VECTORS * LANES) {
        if (shared) {
            add_values(type, count, VALUE_VECTORS, 1, head_size, d, queries, e, corrections, head, span, asks);
        } else {
            add_values(type, count, VALUE_VECTORS, 0, head_size, d, queries, e, corrections, head, span, asks);
        }
    }
    for (; d + LANES <= head_size; d += LANES) {
        add_values(type, count, 1, 0, head_size, d, queries, e, corrections, head, span, asks);
    }
    for (size_t q = 0; q < count && d < head_size; q++) {
        add_values_of_rest(type, head_size, d, queries + q, e[q], corrections[q], head->values);
    }
}

/// `count` is a constant, and a multiple of VALUE_QUERIES or 1.
INLINE void attend_tile(
    tk_kv_type type, size_t count, const tk_attention_shape *shape, tk_attending *queries, const tk_kv_head *head,
    int asks) {
    const size_t step = count < VALUE_QUERIES ? 1 : VALUE_QUERIES;
    floats scores[TILE_QUERIES][SCORE_VECTORS];
    float e[TILE_QUERIES][TK_KV_BLOCK], corrections[TILE_QUERIES];
    score(type, count, scores, shape, queries, head, asks);
    for (size_t q = 0; q < count; q++) corrections[q] = raise(e[q], scores[q], queries + q);
    for (size_t q = 0; q < count; q += step) {
        attend_values(type, step, shape->head_size, queries + q, e + q, corrections + q, head, asks && q == 0);
    }
}

INLINE void attend_all(
    tk_kv_type type, const tk_attention_shape *shape, tk_attending *queries, size_t count, const tk_kv_head *head) {
    int asks = 1;  // those after the first find everything in the cache
    for (; count >= TILE_QUERIES; count -= TILE_QUERIES, queries += TILE_QUERIES, asks = 0) {
        attend_tile(type, TILE_QUERIES, shape, queries, head, asks);
    }
    for (; count >= VALUE_QUERIES; count -= VALUE_QUERIES, queries += VALUE_QUERIES, asks = 0) {
        attend_tile(type, VALUE_QUERIES, shape, queries, head, asks);
    }
    for (; count > 0; count--, queries++, asks = 0) attend_tile(type, 1, shape, queries, head, asks);
}

static void attend(const tk_attention_shape *shape, tk_attending *queries, size_t count, tk_kv_head head) {
    switch (shape->type) {
    case TK_KV_F32: attend_all(TK_KV_F32, shape, queries, count, &head); break;
    case TK_KV_F16: attend_all(TK_KV_F16, shape, queries, count, &head); break;
    default: attend_all(TK_KV_Q8_0, shape, queries, count, &head);
    }
}
