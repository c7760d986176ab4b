// Attention over KV blocks: which queries see which blocks, segments and their merging; and storing keys and values.
//
// Responsible for: everything about attention that is the same on every level.
// Must not know: instruction sets; the level's kernels go through one block.

#include "Formats/keys_values.h"
#include "Levels/kernels_table.h"
#include "Numbers/numbers.h"

#include <math.h>

// MARK: Keys and values

size_t tk_kv_block_bytes(tk_kv_type type, size_t kv_heads, size_t head_size) {
    return 2 * kv_heads * tk_kv_head_bytes(type, head_size);
}

/// Stores x [head_size] of one KV head: element d at place d * stride + first, scales likewise.
static void store_elements(
    tk_kv_type type, uint8_t *to, const float *x, size_t head_size, size_t first, size_t stride, size_t first_scale,
    size_t scale_stride) {
    switch (type) {
    case TK_KV_F32:
        for (size_t d = 0; d < head_size; d++) ((float *)to)[d * stride + first] = x[d];
        return;
    case TK_KV_F16:
        for (size_t d = 0; d < head_size; d++) ((uint16_t *)to)[d * stride + first] = tk_half_of_float(x[d]);
        return;
    default: break;
    }
    uint16_t *scales = (uint16_t *)(to + TK_KV_BLOCK * head_size);
    for (size_t start = 0; start < head_size; start += 32) {
        const size_t count = head_size - start < 32 ? head_size - start : 32;
        float padded[TK_BLOCK] = {0};
        memcpy(padded, x + start, count * sizeof(float));
        tk_quantized_block block;
        tk_current_kernels()->quantize(&block, 1, padded, 1);
        scales[start / 32 * scale_stride + first_scale] = tk_half_of_float(block.scale);
        for (size_t d = 0; d < count; d++) to[(start + d) * stride + first] = (uint8_t)block.quants[d];
    }
}

void tk_kv_store(
    tk_kv_type type, void *block, const float *key, const float *value, size_t kv_heads, size_t head_size,
    size_t position_in_block) {
    const size_t bytes = tk_kv_head_bytes(type, head_size), p = position_in_block;
    uint8_t *keys = block, *values = keys + kv_heads * bytes;
    for (size_t h = 0; h < kv_heads; h++, keys += bytes, values += bytes, key += head_size, value += head_size) {
        store_elements(type, keys, key, head_size, p, TK_KV_BLOCK, p, TK_KV_BLOCK);
        store_elements(type, values, value, head_size, p * head_size, 1, p * tk_kv_scales(head_size), 1);
    }
}

// MARK: Queries

/// Queries that go through a segment together: what they share of it stays in the first-level cache.
#define QUERIES_AT_ONCE 64
/// Floats of their states at most (one query may have more).
#define STATE_FLOATS 16384

/// Some of the queries of one KV head, in the order of tokens and, within one token, of heads.
typedef struct {
    const tk_attention_shape *shape;
    const tk_attention_tokens *tokens;
    size_t kv_head;
} query_set;

static size_t token_of(const query_set *set, size_t query) {
    return query / set->shape->heads_per_kv_head;
}

static size_t head_of(const query_set *set, size_t query) {
    return set->kv_head * set->shape->heads_per_kv_head + query % set->shape->heads_per_kv_head;
}

/// The positions that a query sees.
static tk_span seen_by(const query_set *set, size_t query) {
    const size_t end = set->tokens->position + token_of(set, query) + 1, window = set->shape->window;
    const size_t chunk = set->shape->chunk;
    if (chunk > 0) return (tk_span){(end - 1) / chunk * chunk, end};
    return (tk_span){window > 0 && end > window ? end - window : 0, end};
}

static tk_attending begun(const query_set *set, size_t query, float *acc) {
    const size_t head_size = set->shape->head_size;
    memset(acc, 0, head_size * sizeof(float));
    return (tk_attending){
        .query = set->tokens->queries + token_of(set, query) * set->tokens->query_stride
            + head_of(set, query) * head_size,
        .acc = acc,
        .maximum = -INFINITY,
    };
}

/// Goes through the blocks of one segment with the queries first ..< first + count, whose states are `states`.
static void attend_segment(
    const query_set *set, tk_attending *states, size_t first, size_t count, size_t segment) {
    const tk_attention_shape *shape = set->shape;
    const size_t bytes = tk_kv_head_bytes(shape->type, shape->head_size);
    const size_t segment_blocks = TK_ATTENTION_SEGMENT / TK_KV_BLOCK;
    const size_t last = (seen_by(set, first + count - 1).end + TK_KV_BLOCK - 1) / TK_KV_BLOCK;
    const size_t end = (segment + 1) * segment_blocks < last ? (segment + 1) * segment_blocks : last;
    for (size_t b = segment * segment_blocks; b < end; b++) {
        // Those that see something of a block follow each other: ends ascend, and so do beginnings.
        size_t from = count, to = 0;
        for (size_t q = 0; q < count; q++) {
            const tk_span seen = seen_by(set, first + q);
            const size_t base = b * TK_KV_BLOCK;
            if (seen.end <= base || seen.start >= base + TK_KV_BLOCK) continue;
            states[q].span.start = seen.start > base ? seen.start - base : 0;
            states[q].span.end = seen.end - base < TK_KV_BLOCK ? seen.end - base : TK_KV_BLOCK;
            from = q < from ? q : from;
            to = q + 1;
        }
        if (from >= to) continue;
        const uint8_t *keys = (const uint8_t *)set->tokens->blocks[b] + set->kv_head * bytes;
        const uint8_t *next = b + 1 < last ? (const uint8_t *)set->tokens->blocks[b + 1] + set->kv_head * bytes : NULL;
        const tk_kv_head head = {keys, keys + shape->kv_heads * bytes, next, bytes};
        tk_current_kernels()->attend(shape, states + from, to - from, head);
    }
}

/// exp(maximum - raised), 0 where the maximum is -infinity.
static float correction(float maximum, float raised) {
    if (maximum == -INFINITY) return 0;
    float power = maximum;
    tk_exp(&power, 1, raised);
    return power;
}

/// Merges the state of a later segment into `to`.
static void merge_state(tk_attending *to, float maximum, float sum, const float *acc, size_t head_size) {
    if (maximum == -INFINITY && sum == 0) return;  // nothing was seen
    const float raised = maximum > to->maximum ? maximum : to->maximum;
    const float a = correction(to->maximum, raised), b = correction(maximum, raised);
    to->maximum = raised;
    tk_current_kernels()->merge(&to->sum, &sum, 1, a, b);
    tk_current_kernels()->merge(to->acc, acc, head_size, a, b);
}

static void begin_with_sink(const query_set *set, tk_attending *state, size_t query) {
    if (!set->shape->sinks) return;
    state->maximum = set->shape->sinks[head_of(set, query)];
    state->sum = state->maximum == -INFINITY ? 0 : 1;
}

static void finish(tk_attending state, size_t head_size) {
    for (size_t d = 0; d < head_size; d++) state.acc[d] /= state.sum;
}

static float *out_of(const query_set *set, size_t query, float *out, size_t out_stride) {
    return out + token_of(set, query) * out_stride + head_of(set, query) * set->shape->head_size;
}

// MARK: Attention

/// `tk_attention` of the queries first ..< first + count; `scratch` holds an acc for each.
static void attend_queries(
    const query_set *set, size_t first, size_t count, float *scratch, float *out, size_t out_stride) {
    const size_t head_size = set->shape->head_size;
    tk_attending states[QUERIES_AT_ONCE], merged[QUERIES_AT_ONCE];
    const size_t begin = seen_by(set, first).start / TK_ATTENTION_SEGMENT;
    const size_t end = (seen_by(set, first + count - 1).end - 1) / TK_ATTENTION_SEGMENT + 1;
    for (size_t q = 0; q < count; q++) {
        merged[q] = begun(set, first + q, out_of(set, first + q, out, out_stride));
        begin_with_sink(set, &merged[q], first + q);
    }
    size_t segment = begin;
    if (!set->shape->sinks) attend_segment(set, merged, first, count, segment++);  // merging it would change nothing
    for (; segment < end; segment++) {
        for (size_t q = 0; q < count; q++) states[q] = begun(set, first + q, scratch + q * head_size);
        attend_segment(set, states, first, count, segment);
        for (size_t q = 0; q < count; q++) {
            merge_state(&merged[q], states[q].maximum, states[q].sum, states[q].acc, head_size);
        }
    }
    for (size_t q = 0; q < count; q++) finish(merged[q], head_size);
}

/// Queries of this head size that go together.
static size_t queries_at_once(size_t head_size) {
    const size_t fit = STATE_FLOATS / head_size;
    return fit < 1 ? 1 : fit < QUERIES_AT_ONCE ? fit : QUERIES_AT_ONCE;
}

void tk_attention(
    const tk_attention_shape *shape, const tk_attention_tokens *tokens, size_t kv_head, float *out,
    size_t out_stride) {
    const query_set set = {shape, tokens, kv_head};
    const size_t all = tokens->count * shape->heads_per_kv_head, step = queries_at_once(shape->head_size);
    float scratch[STATE_FLOATS];
    for (size_t first = 0; first < all; first += step) {
        const size_t count = all - first < step ? all - first : step;
        attend_queries(&set, first, count, scratch, out, out_stride);
    }
}

// MARK: Segments apart

/// A state: acc [head_size], maximum, sum.
static size_t floats_of_query(const tk_attention_shape *shape) {
    return shape->head_size + 2;
}

size_t tk_attention_state_floats(const tk_attention_shape *shape, size_t count) {
    return count * shape->heads_per_kv_head * floats_of_query(shape);
}

void tk_attention_segment(
    const tk_attention_shape *shape, const tk_attention_tokens *tokens, size_t kv_head, size_t segment, float *state) {
    const query_set set = {shape, tokens, kv_head};
    const size_t all = tokens->count * shape->heads_per_kv_head, size = floats_of_query(shape);
    for (size_t first = 0; first < all; first += QUERIES_AT_ONCE) {
        const size_t count = all - first < QUERIES_AT_ONCE ? all - first : QUERIES_AT_ONCE;
        tk_attending states[QUERIES_AT_ONCE];
        for (size_t q = 0; q < count; q++) states[q] = begun(&set, first + q, state + (first + q) * size);
        attend_segment(&set, states, first, count, segment);
        for (size_t q = 0; q < count; q++) {
            states[q].acc[shape->head_size] = states[q].maximum;
            states[q].acc[shape->head_size + 1] = states[q].sum;
        }
    }
}

void tk_attention_merge(
    const tk_attention_shape *shape, const tk_attention_tokens *tokens, size_t kv_head, const float *states,
    size_t segments, float *out, size_t out_stride) {
    const query_set set = {shape, tokens, kv_head};
    const size_t all = tokens->count * shape->heads_per_kv_head, size = floats_of_query(shape);
    for (size_t q = 0; q < all; q++) {
        tk_attending merged = begun(&set, q, out_of(&set, q, out, out_stride));
        begin_with_sink(&set, &merged, q);
        for (size_t s = 0; s < segments; s++) {
            const float *state = states + (s * all + q) * size;
            merge_state(&merged, state[shape->head_size], state[shape->head_size + 1], state, shape->head_size);
        }
        finish(merged, shape->head_size);
    }
}
