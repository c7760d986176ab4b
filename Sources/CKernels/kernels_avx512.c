// The kernels for AVX-512 F, BW, DQ and VL: one vector of 16 floats is the 16 rows of a panel.
//
// Responsible for: the results of kernels_portable.c, bit for bit, faster.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "kernels_internal.h"

#include <immintrin.h>
#include <math.h>

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)

#define INLINE static inline __attribute__((always_inline))

#include "math_avx512.h"

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

#define FLOAT_TILE_LIMIT 12
/// Measured on Zen 5 with F16: 2 tokens read 37 GB/s so, 33 GB/s with twice the distance; 6 tokens run at 180 and 207 GFLOP/s.
#define PREFETCH_BYTES(panels) ((panels) == 4 ? 2048 : 4096)

/// `panels` panels (rows: how many rows they have together) times `tokens` tokens; both are constants to the compiler.
INLINE void tile_float(
    tk_type type, size_t panels, size_t tokens, float *out, size_t out_stride, const uint8_t *panel, const float *x,
    size_t rows, size_t columns) {
    const size_t column_bytes = TK_PANEL_ROWS * (type == TK_F32 ? 4 : 2), panel_bytes = columns * column_bytes;
    __m512 acc[4][FLOAT_TILE_LIMIT];
    for (size_t j = 0; j < panels; j++) {
        for (size_t t = 0; t < tokens; t++) acc[j][t] = _mm512_setzero_ps();
    }
    for (size_t k = 0; k < columns; k++) {
        __m512 w[4];
        for (size_t j = 0; j < panels; j++) {
            const uint8_t *from = panel + j * panel_bytes;
            // Ask for what comes later (past the end it does no harm): few tokens are bound by memory.
            _mm_prefetch((const char *)from + k * column_bytes + PREFETCH_BYTES(panels), _MM_HINT_T0);
            w[j] = load_weights(type, from, k);
        }
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
    FLOAT_TILE(type, panels, 5) FLOAT_TILE(type, panels, 6) FLOAT_TILE(type, panels, 7) FLOAT_TILE(type, panels, 8) \
    FLOAT_TILE(type, panels, 9) FLOAT_TILE(type, panels, 10) FLOAT_TILE(type, panels, 11) FLOAT_TILE(type, panels, 12)
#define FLOAT_TILES_OF(type) \
    FLOAT_TILES(type, 1) FLOAT_TILES(type, 2) \
    FLOAT_TILE(type, 4, 1) FLOAT_TILE(type, 4, 2) FLOAT_TILE(type, 4, 3) FLOAT_TILE(type, 4, 4)
#define FLOAT_TILE_ROW(type, panels) \
    {0, tile_##type##_##panels##x1, tile_##type##_##panels##x2, tile_##type##_##panels##x3, \
     tile_##type##_##panels##x4, tile_##type##_##panels##x5, tile_##type##_##panels##x6, \
     tile_##type##_##panels##x7, tile_##type##_##panels##x8, tile_##type##_##panels##x9, \
     tile_##type##_##panels##x10, tile_##type##_##panels##x11, tile_##type##_##panels##x12}
#define FLOAT_TILES_ENTRY(type) \
    [TK_##type] = { \
        [1] = FLOAT_TILE_ROW(type, 1), \
        [2] = FLOAT_TILE_ROW(type, 2), \
        [4] = {0, tile_##type##_4x1, tile_##type##_4x2, tile_##type##_4x3, tile_##type##_4x4}}
FLOAT_TILES_OF(F32)
FLOAT_TILES_OF(F16)
FLOAT_TILES_OF(BF16)

/// Of each type, by the numbers of panels and tokens.
static float_tile *const float_tiles[][5][FLOAT_TILE_LIMIT + 1] = {
    FLOAT_TILES_ENTRY(F32), FLOAT_TILES_ENTRY(F16), FLOAT_TILES_ENTRY(BF16)};

static void matmul_float(
    tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
    size_t columns) {
    const size_t panel_bytes = tk_panel_bytes(type, columns);
    const uint8_t *panel = panels;
    // Few tokens: 4 panels at once, so that the chains of dependent fma do not wait for each other.
    const size_t wanted = tokens <= 4 ? 4 : 2;
    for (size_t row = 0, together; row < rows; row += together * TK_PANEL_ROWS, panel += together * panel_bytes) {
        const size_t left = (rows - row + TK_PANEL_ROWS - 1) / TK_PANEL_ROWS;
        together = left >= wanted ? wanted : left >= 2 ? 2 : 1;
        for (size_t t = 0, tile; t < tokens; t += tile) {
            tile = tk_next_tile(tokens - t, FLOAT_TILE_LIMIT);
            float *to = out + t * out_stride + row;
            float_tiles[type][together][tile](to, out_stride, panel, x + t * columns, rows - row, columns);
        }
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

const tk_kernels tk_kernels_avx512 = TK_X86_KERNELS(tk_avx512_matmul_quantized, tk_avx512_attend);
const tk_kernels tk_kernels_avx512_vnni = TK_X86_KERNELS(tk_avx512_vnni_matmul_quantized, tk_avx512_attend);

#pragma clang attribute pop

#endif
