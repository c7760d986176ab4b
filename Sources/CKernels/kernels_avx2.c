// The kernels for AVX2, FMA and F16C: two vectors of 8 floats are the 16 rows of a panel.
//
// Responsible for: the results of kernels_portable.c, bit for bit, faster.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "kernels_internal.h"

#include <immintrin.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define INLINE static inline __attribute__((always_inline))

#include "math_avx2.h"

// MARK: Vectors

INLINE int32_t sum_of(__m256i v) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

// MARK: Quantization

INLINE __m256i round_scaled(const float *x, __m256 inverse) {
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), inverse));
}

INLINE void quantize_block(tk_quantized_block *out, const float *x) {
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    __m256i most = _mm256_setzero_si256();
    for (size_t i = 0; i < TK_BLOCK; i += 8) {
        const __m256i bits = _mm256_loadu_si256((const __m256i *)(x + i));
        most = _mm256_max_epi32(most, _mm256_and_si256(bits, magnitude));
    }
    __m128i top = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    top = _mm_max_epi32(top, _mm_shuffle_epi32(top, 0x4e));
    top = _mm_max_epi32(top, _mm_shuffle_epi32(top, 0xb1));
    const uint32_t bits = (uint32_t)_mm_cvtsi128_si32(top);
    const float amax = tk_float_of_bits(bits);
    const int is_finite = bits < 0x7f800000;
    if (!is_finite || amax < TK_QUANTIZE_SMALLEST) {
        tk_clear_block(out, is_finite);
        return;
    }
    const __m256 inverse = _mm256_set1_ps(127.0f / amax);
    const __m256i q0 = round_scaled(x, inverse), q1 = round_scaled(x + 8, inverse);
    const __m256i q2 = round_scaled(x + 16, inverse), q3 = round_scaled(x + 24, inverse);
    // Packing works within halves of 16 bytes; the permutation brings groups of 4 back into order.
    const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(q0, q1), _mm256_packs_epi32(q2, q3));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256((__m256i *)out->quants, _mm256_permutevar8x32_epi32(packed, order));
    out->halves[0] = (int16_t)sum_of(_mm256_add_epi32(q0, q1));
    out->halves[1] = (int16_t)sum_of(_mm256_add_epi32(q2, q3));
    tk_finish_block(out, amax);
}

void tk_avx2_quantize(tk_quantized_block *out, size_t distance, const float *x, size_t blocks) {
    for (size_t b = 0; b < blocks; b++) quantize_block(out + b * distance, x + b * TK_BLOCK);
}

// MARK: Matrix products

INLINE void store_rows(float *out, __m256 low, __m256 high, size_t rows) {
    if (rows >= TK_PANEL_ROWS) {
        _mm256_storeu_ps(out, low);
        _mm256_storeu_ps(out + 8, high);
    } else {
        float values[TK_PANEL_ROWS];
        _mm256_storeu_ps(values, low);
        _mm256_storeu_ps(values + 8, high);
        memcpy(out, values, rows * sizeof(float));
    }
}

/// 8 weights, rows 8 `half` on, of column k.
INLINE __m256 load_weights(tk_type type, const uint8_t *panel, size_t k, size_t half) {
    const size_t index = k * TK_PANEL_ROWS + half * 8;
    if (type == TK_F32) return _mm256_loadu_ps((const float *)panel + index);
    const __m128i narrow = _mm_loadu_si128((const __m128i *)((const uint16_t *)panel + index));
    if (type == TK_F16) return _mm256_cvtph_ps(narrow);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(narrow), 16));
}

/// `panels` panels (rows: how many rows they have together) times `tokens` tokens; both are constants to the compiler.
INLINE void tile_float(
    tk_type type, size_t panels, size_t tokens, float *out, size_t out_stride, const uint8_t *panel, const float *x,
    size_t rows, size_t columns) {
    const size_t panel_bytes = columns * TK_PANEL_ROWS * (type == TK_F32 ? 4 : 2);
    __m256 acc[4][6][2];
    for (size_t j = 0; j < panels; j++) {
        for (size_t t = 0; t < tokens; t++) acc[j][t][0] = acc[j][t][1] = _mm256_setzero_ps();
    }
    for (size_t k = 0; k < columns; k++) {
        for (size_t j = 0; j < panels; j++) {
            const __m256 w0 = load_weights(type, panel + j * panel_bytes, k, 0);
            const __m256 w1 = load_weights(type, panel + j * panel_bytes, k, 1);
            for (size_t t = 0; t < tokens; t++) {
                const __m256 value = _mm256_broadcast_ss(x + t * columns + k);
                acc[j][t][0] = _mm256_fmadd_ps(w0, value, acc[j][t][0]);
                acc[j][t][1] = _mm256_fmadd_ps(w1, value, acc[j][t][1]);
            }
        }
    }
    for (size_t j = 0; j < panels; j++) {
        for (size_t t = 0; t < tokens; t++) {
            float *row = out + t * out_stride + j * TK_PANEL_ROWS;
            store_rows(row, acc[j][t][0], acc[j][t][1], rows - j * TK_PANEL_ROWS);
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
#define FLOAT_TILES(type) \
    FLOAT_TILE(type, 4, 1) \
    FLOAT_TILE(type, 1, 1) \
    FLOAT_TILE(type, 1, 2) \
    FLOAT_TILE(type, 1, 3) \
    FLOAT_TILE(type, 1, 4) \
    FLOAT_TILE(type, 1, 5) \
    FLOAT_TILE(type, 1, 6)
FLOAT_TILES(F32)
FLOAT_TILES(F16)
FLOAT_TILES(BF16)

#define FLOAT_TILE_LIMIT 6

/// Of each type, by the number of tokens; 0 is one token times 4 panels.
static float_tile *const float_tiles[][FLOAT_TILE_LIMIT + 1] = {
    [TK_F32] = {tile_F32_4x1, tile_F32_1x1, tile_F32_1x2, tile_F32_1x3, tile_F32_1x4, tile_F32_1x5, tile_F32_1x6},
    [TK_F16] = {tile_F16_4x1, tile_F16_1x1, tile_F16_1x2, tile_F16_1x3, tile_F16_1x4, tile_F16_1x5, tile_F16_1x6},
    [TK_BF16] =
        {tile_BF16_4x1, tile_BF16_1x1, tile_BF16_1x2, tile_BF16_1x3, tile_BF16_1x4, tile_BF16_1x5, tile_BF16_1x6},
};

static void matmul_float(
    tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
    size_t columns) {
    const size_t panel_bytes = tk_panel_bytes(type, columns);
    const uint8_t *panel = panels;
    size_t row = 0;
    // One token: 4 panels at once, so that the chains of dependent fma do not wait for each other.
    for (; tokens == 1 && rows - row >= 4 * TK_PANEL_ROWS; row += 4 * TK_PANEL_ROWS, panel += 4 * panel_bytes) {
        float_tiles[type][0](out + row, out_stride, panel, x, 4 * TK_PANEL_ROWS, columns);
    }
    for (; row < rows; row += TK_PANEL_ROWS, panel += panel_bytes) {
        for (size_t t = 0, tile; t < tokens; t += tile) {
            tile = tk_next_tile(tokens - t, FLOAT_TILE_LIMIT);
            float *to = out + t * out_stride + row;
            float_tiles[type][tile](to, out_stride, panel, x + t * columns, rows - row, columns);
        }
    }
}

// MARK: Rows. What is left of a row after whole vectors goes through the portable kernel.

static void rms_norm(float *out, const float *x, const float *weight, size_t count, float epsilon) {
    __m256 low = _mm256_setzero_ps(), high = low;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + i + 8);
        low = _mm256_fmadd_ps(a, a, low);
        high = _mm256_fmadd_ps(b, b, high);
    }
    float partial[16];
    _mm256_storeu_ps(partial, low);
    _mm256_storeu_ps(partial + 8, high);
    for (; i < count; i++) partial[i % 16] = __builtin_fmaf(x[i], x[i], partial[i % 16]);
    const float r = 1.0f / sqrtf(tk_reduce(partial) / (float)count + epsilon);
    for (i = 0; i < count; i++) out[i] = (x[i] * r) * weight[i];
}

static void layer_norm(
    float *out, const float *x, const float *weight, const float *bias, size_t count, float epsilon) {
    __m256 low = _mm256_setzero_ps(), high = low;
    float partial[16];
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        low = _mm256_add_ps(low, _mm256_loadu_ps(x + i));
        high = _mm256_add_ps(high, _mm256_loadu_ps(x + i + 8));
    }
    _mm256_storeu_ps(partial, low);
    _mm256_storeu_ps(partial + 8, high);
    for (; i < count; i++) partial[i % 16] += x[i];
    const float mean = tk_reduce(partial) / (float)count;

    const __m256 means = _mm256_set1_ps(mean);
    low = high = _mm256_setzero_ps();
    for (i = 0; i + 16 <= count; i += 16) {
        const __m256 a = _mm256_sub_ps(_mm256_loadu_ps(x + i), means);
        const __m256 b = _mm256_sub_ps(_mm256_loadu_ps(x + i + 8), means);
        low = _mm256_fmadd_ps(a, a, low);
        high = _mm256_fmadd_ps(b, b, high);
    }
    _mm256_storeu_ps(partial, low);
    _mm256_storeu_ps(partial + 8, high);
    for (; i < count; i++) {
        const float difference = x[i] - mean;
        partial[i % 16] = __builtin_fmaf(difference, difference, partial[i % 16]);
    }
    const float r = 1.0f / sqrtf(tk_reduce(partial) / (float)count + epsilon);
    for (i = 0; i < count; i++) out[i] = __builtin_fmaf((x[i] - mean) * r, weight[i], bias[i]);
}

void tk_avx2_add(float *x, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] += y[i];
}

void tk_avx2_scale(float *x, size_t count, float factor) {
    for (size_t i = 0; i < count; i++) x[i] *= factor;
}

static void softcap(float *x, size_t count, float cap) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) _mm256_storeu_ps(x + i, capped(_mm256_loadu_ps(x + i), cap));
    tk_kernels_portable.softcap(x + i, count - i, cap);
}

static void silu_multiply(float *gate, const float *up, size_t count) {
    const __m256 one = _mm256_set1_ps(1), sign = _mm256_set1_ps(-0.0f);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m256 x = _mm256_loadu_ps(gate + i);
        const __m256 silu = _mm256_div_ps(x, _mm256_add_ps(one, exponential(_mm256_xor_ps(x, sign))));
        _mm256_storeu_ps(gate + i, _mm256_mul_ps(silu, _mm256_loadu_ps(up + i)));
    }
    tk_kernels_portable.silu_multiply(gate + i, up + i, count - i);
}

void tk_avx2_clamped_swiglu(float *gate, const float *up, size_t count, float alpha, float limit) {
    const __m256 one = _mm256_set1_ps(1), sign = _mm256_set1_ps(-0.0f);
    const __m256 highest = _mm256_set1_ps(limit), lowest = _mm256_set1_ps(-limit), slope = _mm256_set1_ps(alpha);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        // max and min return their second operand when one is NaN.
        const __m256 g = _mm256_min_ps(highest, _mm256_loadu_ps(gate + i));
        const __m256 u = _mm256_max_ps(lowest, _mm256_min_ps(highest, _mm256_loadu_ps(up + i)));
        const __m256 power = exponential(_mm256_xor_ps(_mm256_mul_ps(slope, g), sign));
        const __m256 gated = _mm256_div_ps(g, _mm256_add_ps(one, power));
        _mm256_storeu_ps(gate + i, _mm256_mul_ps(_mm256_add_ps(u, one), gated));
    }
    tk_kernels_portable.clamped_swiglu(gate + i, up + i, count - i, alpha, limit);
}

void tk_avx2_add_scaled(float *x, const float *y, float factor, size_t count) {
    const __m256 factors = _mm256_set1_ps(factor);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm256_storeu_ps(x + i, _mm256_fmadd_ps(factors, _mm256_loadu_ps(y + i), _mm256_loadu_ps(x + i)));
    }
    tk_kernels_portable.add_scaled(x + i, y + i, factor, count - i);
}

void tk_avx2_merge(float *x, const float *y, size_t count, float a, float b) {
    const __m256 as = _mm256_set1_ps(a), bs = _mm256_set1_ps(b);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m256 other = _mm256_mul_ps(_mm256_loadu_ps(y + i), bs);
        _mm256_storeu_ps(x + i, _mm256_fmadd_ps(_mm256_loadu_ps(x + i), as, other));
    }
    tk_kernels_portable.merge(x + i, y + i, count - i, a, b);
}

INLINE __m256 gelu(__m256 x) {
    const __m256 one = _mm256_set1_ps(1), sign = _mm256_set1_ps(-0.0f);
    const __m256 c1 = _mm256_set1_ps(TK_GELU_C1), c3 = _mm256_set1_ps(TK_GELU_C3);
    const __m256 u = _mm256_mul_ps(x, _mm256_fmadd_ps(_mm256_mul_ps(x, x), c3, c1));
    return _mm256_div_ps(x, _mm256_add_ps(one, exponential(_mm256_xor_ps(u, sign))));
}

static void gelu_tanh(float *x, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) _mm256_storeu_ps(x + i, gelu(_mm256_loadu_ps(x + i)));
    tk_kernels_portable.gelu_tanh(x + i, count - i);
}

static void gelu_multiply(float *gate, const float *up, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm256_storeu_ps(gate + i, _mm256_mul_ps(gelu(_mm256_loadu_ps(gate + i)), _mm256_loadu_ps(up + i)));
    }
    tk_kernels_portable.gelu_multiply(gate + i, up + i, count - i);
}

static void exp_shifted(float *x, size_t count, float shift) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm256_storeu_ps(x + i, exponential(_mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(shift))));
    }
    tk_kernels_portable.exp(x + i, count - i, shift);
}

static size_t argmax(const float *x, size_t count) {
    __m256 most = _mm256_set1_ps(-INFINITY);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) most = _mm256_max_ps(_mm256_loadu_ps(x + i), most);
    float best = largest(most);
    for (; i < count; i++) best = x[i] > best ? x[i] : best;

    const __m256 wanted = _mm256_set1_ps(best);
    for (i = 0; i + 8 <= count; i += 8) {
        const int equal = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + i), wanted, _CMP_EQ_OQ));
        if (equal != 0) return i + (size_t)__builtin_ctz((unsigned)equal);
    }
    for (; i < count; i++) {
        if (x[i] == best) return i;
    }
    return 0;
}

/// Adds 16 values to the 16 partials.
INLINE void add_doubles(__m256d partial[4], __m256 low, __m256 high) {
    partial[0] = _mm256_add_pd(partial[0], _mm256_cvtps_pd(_mm256_castps256_ps128(low)));
    partial[1] = _mm256_add_pd(partial[1], _mm256_cvtps_pd(_mm256_extractf128_ps(low, 1)));
    partial[2] = _mm256_add_pd(partial[2], _mm256_cvtps_pd(_mm256_castps256_ps128(high)));
    partial[3] = _mm256_add_pd(partial[3], _mm256_cvtps_pd(_mm256_extractf128_ps(high, 1)));
}

/// Adds exp(x[0..<16] - shift) to the 16 partials.
INLINE void add_exp(__m256d partial[4], const float *x, __m256 shift) {
    add_doubles(
        partial, exponential(_mm256_sub_ps(_mm256_loadu_ps(x), shift)),
        exponential(_mm256_sub_ps(_mm256_loadu_ps(x + 8), shift)));
}

static double sum_exp(const float *x, size_t count, float shift) {
    __m256d partial[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
    const __m256 shifts = _mm256_set1_ps(shift);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) add_exp(partial, x + i, shifts);
    if (i < count) {
        float rest[16];
        for (size_t j = 0; j < 16; j++) rest[j] = i + j < count ? x[i + j] : -INFINITY;  // adds exp(-infinity) = 0
        add_exp(partial, rest, shifts);
    }
    double sums[16];
    for (size_t j = 0; j < 4; j++) _mm256_storeu_pd(sums + 4 * j, partial[j]);
    return tk_reduce_double(sums);
}

/// exp of the scaled differences, 0 where these are no numbers.
INLINE __m256 scaled_exp(const float *x, __m256 maximum, __m256 temperature) {
    const __m256 difference = _mm256_div_ps(_mm256_sub_ps(_mm256_loadu_ps(x), maximum), temperature);
    return _mm256_and_ps(exponential(difference), _mm256_cmp_ps(difference, difference, _CMP_ORD_Q));
}

static double exp_scaled(float *out, const float *x, size_t count, float maximum, float temperature) {
    __m256d partial[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
    const __m256 most = _mm256_set1_ps(maximum), divisor = _mm256_set1_ps(temperature);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m256 low = scaled_exp(x + i, most, divisor), high = scaled_exp(x + i + 8, most, divisor);
        _mm256_storeu_ps(out + i, low);
        _mm256_storeu_ps(out + i + 8, high);
        add_doubles(partial, low, high);
    }
    double sums[16];
    for (size_t j = 0; j < 4; j++) _mm256_storeu_pd(sums + 4 * j, partial[j]);
    tk_kernels_portable.exp_scaled(out + i, x + i, count - i, maximum, temperature);
    for (; i < count; i++) sums[i % 16] += (double)out[i];
    return tk_reduce_double(sums);
}

static size_t find_above(const float *x, size_t start, size_t count, float bound) {
    const __m256 bounds = _mm256_set1_ps(bound);
    size_t i = start;
    for (; i + 8 <= count; i += 8) {
        const int above = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + i), bounds, _CMP_GT_OQ));
        if (above != 0) return i + (size_t)__builtin_ctz((unsigned)above);
    }
    return tk_kernels_portable.find_above(x, i, count, bound);
}

// MARK: Rotary positions

/// Turns pairs (x[i], x[i + count]); returns how many of them.
INLINE size_t rope_halves(float *x, const float *cosines, const float *sines, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + count + i);
        const __m256 c = _mm256_loadu_ps(cosines + i), s = _mm256_loadu_ps(sines + i);
        _mm256_storeu_ps(x + i, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
        _mm256_storeu_ps(x + count + i, _mm256_fmadd_ps(a, s, _mm256_mul_ps(b, c)));
    }
    return i;
}

/// Turns pairs (x[2i], x[2i + 1]); returns how many of them.
INLINE size_t rope_pairs(float *x, const float *cosines, const float *sines, size_t count) {
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        const __m256 v = _mm256_loadu_ps(x + 2 * i);
        const __m128 c = _mm_loadu_ps(cosines + i), s = _mm_loadu_ps(sines + i);
        const __m256 cs = _mm256_set_m128(_mm_unpackhi_ps(c, s), _mm_unpacklo_ps(c, s));  // c0 s0 c1 s1 ...
        const __m256 sc = _mm256_permute_ps(cs, 0xb1);
        const __m256 products = _mm256_mul_ps(_mm256_movehdup_ps(v), sc);  // b s, b c
        _mm256_storeu_ps(x + 2 * i, _mm256_fmaddsub_ps(_mm256_moveldup_ps(v), cs, products));
    }
    return i;
}

void tk_avx2_rope(
    float *x, size_t heads, size_t head_size, const float *cosines, const float *sines, size_t count,
    int paired_halves) {
    for (size_t h = 0; h < heads; h++) {
        float *head = x + h * head_size;
        size_t i = paired_halves ? rope_halves(head, cosines, sines, count) : rope_pairs(head, cosines, sines, count);
        for (; i < count; i++) {
            float *first = paired_halves ? head + i : head + 2 * i;
            float *second = paired_halves ? first + count : first + 1;
            const float a = *first, b = *second;
            *first = __builtin_fmaf(a, cosines[i], -(b * sines[i]));
            *second = __builtin_fmaf(a, sines[i], b * cosines[i]);
        }
    }
}

const tk_kernels tk_kernels_avx2 = TK_X86_KERNELS(tk_avx2_matmul_quantized, tk_avx2_attend);
const tk_kernels tk_kernels_avx_vnni = TK_X86_KERNELS(tk_avx_vnni_matmul_quantized, tk_avx2_attend);

#pragma clang attribute pop

#endif
