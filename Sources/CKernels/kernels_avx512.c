// The kernels for AVX-512 F, BW, DQ, VL and VNNI: one vector of 16 floats is the 16 rows of a panel.
//
// Responsible for: the results of kernels_portable.c, bit for bit, faster.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "kernels_internal.h"

#include <immintrin.h>
#include <math.h>

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)

#define INLINE static inline __attribute__((always_inline))

// MARK: Vectors

/// Adds the 16 lanes as the reduction tree does.
INLINE float reduce(__m512 v) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

/// The largest lane; no lane is NaN.
INLINE float largest(__m512 v) {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

INLINE __m512 exponential(__m512 x) {
    // max and min return their second operand when one is NaN.
    x = _mm512_max_ps(_mm512_set1_ps(TK_EXP_LOWEST), x);
    x = _mm512_min_ps(_mm512_set1_ps(TK_EXP_HIGHEST), x);
    const __m512 rounder = _mm512_set1_ps(TK_EXP_ROUNDER), one = _mm512_set1_ps(1);
    const __m512 shifted = _mm512_fmadd_ps(x, _mm512_set1_ps(TK_LOG2_E), rounder);
    const __m512 n = _mm512_sub_ps(shifted, rounder);
    __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-TK_LN2_HIGH), x);
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(-TK_LN2_LOW), r);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(TK_EXP_C7), r, _mm512_set1_ps(TK_EXP_C6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(TK_EXP_C5));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(TK_EXP_C4));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(TK_EXP_C3));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(TK_EXP_C2));
    p = _mm512_fmadd_ps(p, r, one);
    p = _mm512_fmadd_ps(p, r, one);
    const __m512i bias = _mm512_set1_epi32(127);
    const __m512i power = _mm512_sub_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(TK_EXP_ROUNDER_BITS));
    const __m512i half = _mm512_srai_epi32(power, 1), rest = _mm512_sub_epi32(power, half);
    p = _mm512_mul_ps(p, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(half, bias), 23)));
    return _mm512_mul_ps(p, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(rest, bias), 23)));
}

// MARK: Matrix products

INLINE void store_rows(float *out, __m512 values, size_t rows) {
    if (rows >= TK_PANEL_ROWS) {
        _mm512_storeu_ps(out, values);
    } else {
        float row[TK_PANEL_ROWS];
        _mm512_storeu_ps(row, values);
        memcpy(out, row, rows * sizeof(float));
    }
}

/// The 16 weights of column k.
INLINE __m512 load_weights(tk_type type, const uint8_t *panel, size_t k) {
    if (type == TK_F32) return _mm512_loadu_ps((const float *)panel + k * TK_PANEL_ROWS);
    const __m256i narrow = _mm256_loadu_si256((const __m256i *)((const uint16_t *)panel + k * TK_PANEL_ROWS));
    if (type == TK_F16) return _mm512_cvtph_ps(narrow);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(narrow), 16));
}

#define FLOAT_TILE_LIMIT 8

/// `panels` panels (rows: how many rows they have together) times `tokens` tokens; both are constants to the compiler.
INLINE void tile_float(
    tk_type type, size_t panels, size_t tokens, float *out, size_t out_stride, const uint8_t *panel, const float *x,
    size_t rows, size_t columns) {
    const size_t panel_bytes = columns * TK_PANEL_ROWS * (type == TK_F32 ? 4 : 2);
    __m512 acc[4][FLOAT_TILE_LIMIT];
    for (size_t j = 0; j < panels; j++) {
        for (size_t t = 0; t < tokens; t++) acc[j][t] = _mm512_setzero_ps();
    }
    for (size_t k = 0; k < columns; k++) {
        __m512 w[4];
        for (size_t j = 0; j < panels; j++) w[j] = load_weights(type, panel + j * panel_bytes, k);
        for (size_t t = 0; t < tokens; t++) {
            const __m512 value = _mm512_set1_ps(x[t * columns + k]);
            for (size_t j = 0; j < panels; j++) acc[j][t] = _mm512_fmadd_ps(w[j], value, acc[j][t]);
        }
    }
    for (size_t j = 0; j < panels; j++) {
        for (size_t t = 0; t < tokens; t++) {
            store_rows(out + t * out_stride + j * TK_PANEL_ROWS, acc[j][t], rows - j * TK_PANEL_ROWS);
        }
    }
}

// A function of its own for every shape of tile: the compiler then keeps its sums in registers.
typedef void float_tile(
    float *out, size_t out_stride, const uint8_t *panel, const float *x, size_t rows, size_t columns);

#define FLOAT_TILE(type, panels, tokens) \
    static void tile_##type##_##panels##x##tokens( \
        float *out, size_t out_stride, const uint8_t *panel, const float *x, size_t rows, size_t columns) { \
        tile_float(TK_##type, panels, tokens, out, out_stride, panel, x, rows, columns); \
    }
#define FLOAT_TILES(type, panels) \
    FLOAT_TILE(type, panels, 1) FLOAT_TILE(type, panels, 2) FLOAT_TILE(type, panels, 3) FLOAT_TILE(type, panels, 4) \
    FLOAT_TILE(type, panels, 5) FLOAT_TILE(type, panels, 6) FLOAT_TILE(type, panels, 7) FLOAT_TILE(type, panels, 8)
#define FLOAT_TILE_ROW(type, panels) \
    {0, tile_##type##_##panels##x1, tile_##type##_##panels##x2, tile_##type##_##panels##x3, \
     tile_##type##_##panels##x4, tile_##type##_##panels##x5, tile_##type##_##panels##x6, \
     tile_##type##_##panels##x7, tile_##type##_##panels##x8}
FLOAT_TILES(F32, 1) FLOAT_TILES(F32, 2) FLOAT_TILE(F32, 4, 1)
FLOAT_TILES(F16, 1) FLOAT_TILES(F16, 2) FLOAT_TILE(F16, 4, 1)
FLOAT_TILES(BF16, 1) FLOAT_TILES(BF16, 2) FLOAT_TILE(BF16, 4, 1)

/// Of each type, for 1 and 2 panels, by the number of tokens.
static float_tile *const float_tiles[][2][FLOAT_TILE_LIMIT + 1] = {
    [TK_F32] = {FLOAT_TILE_ROW(F32, 1), FLOAT_TILE_ROW(F32, 2)},
    [TK_F16] = {FLOAT_TILE_ROW(F16, 1), FLOAT_TILE_ROW(F16, 2)},
    [TK_BF16] = {FLOAT_TILE_ROW(BF16, 1), FLOAT_TILE_ROW(BF16, 2)},
};
/// Of each type, 4 panels times one token.
static float_tile *const single_tiles[] = {
    [TK_F32] = tile_F32_4x1, [TK_F16] = tile_F16_4x1, [TK_BF16] = tile_BF16_4x1};

static void matmul_float(
    tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
    size_t columns) {
    const size_t panel_bytes = tk_panel_bytes(type, columns);
    const uint8_t *panel = panels;
    size_t row = 0;
    // One token: 4 panels at once, so that the chains of dependent fma do not wait for each other.
    for (; tokens == 1 && rows - row >= 4 * TK_PANEL_ROWS; row += 4 * TK_PANEL_ROWS, panel += 4 * panel_bytes) {
        single_tiles[type](out + row, out_stride, panel, x, 4 * TK_PANEL_ROWS, columns);
    }
    while (row < rows) {
        const size_t together = rows - row > TK_PANEL_ROWS ? 2 : 1;
        for (size_t t = 0, tile; t < tokens; t += tile) {
            tile = tk_next_tile(tokens - t, FLOAT_TILE_LIMIT);
            float *to = out + t * out_stride + row;
            float_tiles[type][together - 1][tile](to, out_stride, panel, x + t * columns, rows - row, columns);
        }
        row += together * TK_PANEL_ROWS;
        panel += together * panel_bytes;
    }
}

// MARK: Rows. What is left of a row after whole vectors goes through the portable kernel.

static void rms_norm(float *out, const float *x, const float *weight, size_t count, float epsilon) {
    __m512 sums = _mm512_setzero_ps();
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m512 v = _mm512_loadu_ps(x + i);
        sums = _mm512_fmadd_ps(v, v, sums);
    }
    float partial[16];
    _mm512_storeu_ps(partial, sums);
    for (; i < count; i++) partial[i % 16] = __builtin_fmaf(x[i], x[i], partial[i % 16]);
    const float r = 1.0f / sqrtf(tk_reduce(partial) / (float)count + epsilon);
    for (i = 0; i < count; i++) out[i] = (x[i] * r) * weight[i];
}

static void layer_norm(
    float *out, const float *x, const float *weight, const float *bias, size_t count, float epsilon) {
    __m512 sums = _mm512_setzero_ps();
    float partial[16];
    size_t i = 0;
    for (; i + 16 <= count; i += 16) sums = _mm512_add_ps(sums, _mm512_loadu_ps(x + i));
    _mm512_storeu_ps(partial, sums);
    for (; i < count; i++) partial[i % 16] += x[i];
    const float mean = tk_reduce(partial) / (float)count;

    sums = _mm512_setzero_ps();
    for (i = 0; i + 16 <= count; i += 16) {
        const __m512 difference = _mm512_sub_ps(_mm512_loadu_ps(x + i), _mm512_set1_ps(mean));
        sums = _mm512_fmadd_ps(difference, difference, sums);
    }
    _mm512_storeu_ps(partial, sums);
    for (; i < count; i++) {
        const float difference = x[i] - mean;
        partial[i % 16] = __builtin_fmaf(difference, difference, partial[i % 16]);
    }
    const float r = 1.0f / sqrtf(tk_reduce(partial) / (float)count + epsilon);
    for (i = 0; i < count; i++) out[i] = __builtin_fmaf((x[i] - mean) * r, weight[i], bias[i]);
}

INLINE __m512 capped(__m512 x, float cap) {
    const __m512 caps = _mm512_set1_ps(cap), one = _mm512_set1_ps(1), two = _mm512_set1_ps(2);
    const __m512 u = _mm512_div_ps(x, caps);
    const __m512 divisor = _mm512_add_ps(exponential(_mm512_add_ps(u, u)), one);
    return _mm512_mul_ps(caps, _mm512_sub_ps(one, _mm512_div_ps(two, divisor)));
}

static void softcap(float *x, size_t count, float cap) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) _mm512_storeu_ps(x + i, capped(_mm512_loadu_ps(x + i), cap));
    tk_kernels_portable.softcap(x + i, count - i, cap);
}

static void silu_multiply(float *gate, const float *up, size_t count) {
    const __m512 one = _mm512_set1_ps(1), sign = _mm512_set1_ps(-0.0f);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m512 x = _mm512_loadu_ps(gate + i);
        const __m512 silu = _mm512_div_ps(x, _mm512_add_ps(one, exponential(_mm512_xor_ps(x, sign))));
        _mm512_storeu_ps(gate + i, _mm512_mul_ps(silu, _mm512_loadu_ps(up + i)));
    }
    tk_kernels_portable.silu_multiply(gate + i, up + i, count - i);
}

INLINE __m512 gelu(__m512 x) {
    const __m512 one = _mm512_set1_ps(1), sign = _mm512_set1_ps(-0.0f);
    const __m512 c1 = _mm512_set1_ps(TK_GELU_C1), c3 = _mm512_set1_ps(TK_GELU_C3);
    const __m512 u = _mm512_mul_ps(x, _mm512_fmadd_ps(_mm512_mul_ps(x, x), c3, c1));
    return _mm512_div_ps(x, _mm512_add_ps(one, exponential(_mm512_xor_ps(u, sign))));
}

static void gelu_tanh(float *x, size_t count) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) _mm512_storeu_ps(x + i, gelu(_mm512_loadu_ps(x + i)));
    tk_kernels_portable.gelu_tanh(x + i, count - i);
}

static void gelu_multiply(float *gate, const float *up, size_t count) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        _mm512_storeu_ps(gate + i, _mm512_mul_ps(gelu(_mm512_loadu_ps(gate + i)), _mm512_loadu_ps(up + i)));
    }
    tk_kernels_portable.gelu_multiply(gate + i, up + i, count - i);
}

static void exp_shifted(float *x, size_t count, float shift) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        _mm512_storeu_ps(x + i, exponential(_mm512_sub_ps(_mm512_loadu_ps(x + i), _mm512_set1_ps(shift))));
    }
    tk_kernels_portable.exp(x + i, count - i, shift);
}

/// The lanes that are equal to their bound, or above it.
INLINE __mmask16 compare(__m512 values, __m512 bounds, int equal) {
    return equal ? _mm512_cmp_ps_mask(values, bounds, _CMP_EQ_OQ) : _mm512_cmp_ps_mask(values, bounds, _CMP_GT_OQ);
}

/// The first index from `start` on whose value is equal to `bound`, or above it; count where there is none.
INLINE size_t find(const float *x, size_t start, size_t count, float bound, int equal) {
    const __m512 bounds = _mm512_set1_ps(bound);
    size_t i = start;
    for (; i + 64 <= count; i += 64) {
        uint64_t fits = 0;
        for (size_t j = 0; j < 4; j++) {
            const __m512 values = _mm512_loadu_ps(x + i + 16 * j);
            fits |= (uint64_t)compare(values, bounds, equal) << (16 * j);
        }
        if (fits != 0) return i + (size_t)__builtin_ctzll(fits);
    }
    for (; i < count; i += 16) {
        const __mmask16 inside = count - i < 16 ? (__mmask16)((1u << (count - i)) - 1) : 0xffff;
        const __m512 values = _mm512_maskz_loadu_ps(inside, x + i);
        const __mmask16 fits = inside & compare(values, bounds, equal);
        if (fits != 0) return i + (size_t)__builtin_ctz(fits);
    }
    return count;
}

static size_t find_above(const float *x, size_t start, size_t count, float bound) {
    return find(x, start, count, bound, 0);
}

static size_t argmax(const float *x, size_t count) {
    __m512 most[4];
    for (size_t j = 0; j < 4; j++) most[j] = _mm512_set1_ps(-INFINITY);
    size_t i = 0;
    for (; i + 64 <= count; i += 64) {  // NaN is passed over
        for (size_t j = 0; j < 4; j++) most[j] = _mm512_max_ps(_mm512_loadu_ps(x + i + 16 * j), most[j]);
    }
    float best = largest(_mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3])));
    for (; i < count; i++) best = x[i] > best ? x[i] : best;
    const size_t place = find(x, 0, count, best, 1);
    return place < count ? place : 0;  // all NaN
}

/// Adds 16 values to the 16 partials.
INLINE void add_doubles(__m512d partial[2], __m512 values) {
    partial[0] = _mm512_add_pd(partial[0], _mm512_cvtps_pd(_mm512_castps512_ps256(values)));
    partial[1] = _mm512_add_pd(partial[1], _mm512_cvtps_pd(_mm512_extractf32x8_ps(values, 1)));
}

/// Adds exp(x[0..<16] - shift) to the 16 partials.
INLINE void add_exp(__m512d partial[2], const float *x, float shift) {
    add_doubles(partial, exponential(_mm512_sub_ps(_mm512_loadu_ps(x), _mm512_set1_ps(shift))));
}

static double sum_exp(const float *x, size_t count, float shift) {
    __m512d partial[2] = {_mm512_setzero_pd(), _mm512_setzero_pd()};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) add_exp(partial, x + i, shift);
    if (i < count) {
        float rest[16];
        for (size_t j = 0; j < 16; j++) rest[j] = i + j < count ? x[i + j] : -INFINITY;  // adds exp(-infinity) = 0
        add_exp(partial, rest, shift);
    }
    double sums[16];
    _mm512_storeu_pd(sums, partial[0]);
    _mm512_storeu_pd(sums + 8, partial[1]);
    return tk_reduce_double(sums);
}

static double exp_scaled(float *out, const float *x, size_t count, float maximum, float temperature) {
    __m512d partial[2] = {_mm512_setzero_pd(), _mm512_setzero_pd()};
    const __m512 most = _mm512_set1_ps(maximum), divisor = _mm512_set1_ps(temperature);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m512 difference = _mm512_div_ps(_mm512_sub_ps(_mm512_loadu_ps(x + i), most), divisor);
        const __mmask16 isNumber = _mm512_cmp_ps_mask(difference, difference, _CMP_ORD_Q);
        const __m512 power = _mm512_maskz_mov_ps(isNumber, exponential(difference));
        _mm512_storeu_ps(out + i, power);
        add_doubles(partial, power);
    }
    double sums[16];
    _mm512_storeu_pd(sums, partial[0]);
    _mm512_storeu_pd(sums + 8, partial[1]);
    tk_kernels_portable.exp_scaled(out + i, x + i, count - i, maximum, temperature);
    for (; i < count; i++) sums[i % 16] += (double)out[i];
    return tk_reduce_double(sums);
}

// MARK: Attention

/// scores[0..<32] of the rules, with -infinity outside of the span.
INLINE void attention_scores(
    __m512 scores[2], const float *query, const float *keys, size_t head_size, tk_span span,
    tk_attention_rules rules) {
    scores[0] = scores[1] = _mm512_setzero_ps();
    for (size_t d = 0; d < head_size; d++) {
        const __m512 q = _mm512_set1_ps(query[d]);
        scores[0] = _mm512_fmadd_ps(q, _mm512_loadu_ps(keys + d * TK_KV_BLOCK), scores[0]);
        scores[1] = _mm512_fmadd_ps(q, _mm512_loadu_ps(keys + d * TK_KV_BLOCK + 16), scores[1]);
    }
    const uint32_t inside = (uint32_t)((1ull << span.end) - (1ull << span.start));
    for (size_t j = 0; j < 2; j++) {
        __m512 scaled = _mm512_mul_ps(scores[j], _mm512_set1_ps(rules.scale));
        if (rules.softcap != 0) scaled = capped(scaled, rules.softcap);
        scores[j] = _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), (__mmask16)(inside >> (16 * j)), scaled);
    }
}

/// out[0..<vectors * 16] = out * correction, then e[p] * values[p] added in order; `vectors` is a constant.
INLINE void accumulate_values(
    size_t vectors, float *out, const float *values, size_t head_size, const float *e, tk_span span,
    float correction) {
    __m512 acc[8];
    for (size_t j = 0; j < vectors; j++) {
        acc[j] = _mm512_mul_ps(_mm512_loadu_ps(out + 16 * j), _mm512_set1_ps(correction));
    }
    for (size_t p = span.start; p < span.end; p++) {
        const __m512 weight = _mm512_set1_ps(e[p]);
        for (size_t j = 0; j < vectors; j++) {
            acc[j] = _mm512_fmadd_ps(weight, _mm512_loadu_ps(values + p * head_size + 16 * j), acc[j]);
        }
    }
    for (size_t j = 0; j < vectors; j++) _mm512_storeu_ps(out + 16 * j, acc[j]);
}

INLINE void attention_values(
    float *out, const float *values, size_t head_size, const float *e, tk_span span, float correction) {
    size_t d = 0;
    for (; d + 128 <= head_size; d += 128) accumulate_values(8, out + d, values + d, head_size, e, span, correction);
    for (; d + 64 <= head_size; d += 64) accumulate_values(4, out + d, values + d, head_size, e, span, correction);
    for (; d + 16 <= head_size; d += 16) accumulate_values(1, out + d, values + d, head_size, e, span, correction);
    for (; d < head_size; d++) {
        float acc = out[d] * correction;
        for (size_t p = span.start; p < span.end; p++) acc = __builtin_fmaf(e[p], values[p * head_size + d], acc);
        out[d] = acc;
    }
}

static void attention(
    float *out, const float *query, const float *const *blocks, size_t kv_head, size_t kv_heads, size_t head_size,
    tk_attention_rules rules) {
    float maximum = rules.sink, sum = rules.sink == -INFINITY ? 0.0f : 1.0f;
    memset(out, 0, head_size * sizeof(float));
    for (size_t b = rules.first / TK_KV_BLOCK; b * TK_KV_BLOCK < rules.positions; b++) {
        const float *block = blocks[b];
        const tk_span span = tk_span_of_block(rules, b);
        __m512 s[2];
        attention_scores(s, query, tk_keys(block, kv_head, head_size), head_size, span, rules);

        __m512 most = _mm512_max_ps(s[0], _mm512_set1_ps(maximum));  // NaN scores are passed over
        most = _mm512_max_ps(s[1], most);
        const float raised = largest(most);
        const __m512 change = exponential(_mm512_set1_ps(maximum - raised));
        const float correction = maximum == -INFINITY ? 0.0f : _mm512_cvtss_f32(change);
        maximum = raised;

        float e[TK_KV_BLOCK];
        for (size_t j = 0; j < 2; j++) {
            s[j] = exponential(_mm512_sub_ps(s[j], _mm512_set1_ps(maximum)));
            _mm512_storeu_ps(e + 16 * j, s[j]);
        }
        sum = __builtin_fmaf(sum, correction, reduce(_mm512_add_ps(s[0], s[1])));
        attention_values(out, tk_values(block, kv_head, kv_heads, head_size), head_size, e, span, correction);
    }
    for (size_t d = 0; d < head_size; d++) out[d] /= sum;
}

const tk_kernels tk_kernels_avx512 = {
    .quantize = tk_avx2_quantize,
    .matmul_float = matmul_float,
    .matmul_quantized = tk_avx512_matmul_quantized,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .add = tk_avx2_add,
    .scale = tk_avx2_scale,
    .softcap = softcap,
    .silu_multiply = silu_multiply,
    .gelu_tanh = gelu_tanh,
    .clamped_swiglu = tk_avx2_clamped_swiglu,
    .add_scaled = tk_avx2_add_scaled,
    .gelu_multiply = gelu_multiply,
    .exp = exp_shifted,
    .argmax = argmax,
    .sum_exp = sum_exp,
    .exp_scaled = exp_scaled,
    .find_above = find_above,
    .rope = tk_avx2_rope,
    .attention = attention,
};

#pragma clang attribute pop

#endif
