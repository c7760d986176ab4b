// Products with quantized panels for AVX2 and F16C: two vectors of 8 lanes are the 16 rows of a panel.
//
// Responsible for: the exact sums of products, and what quantized_products.h needs of the instruction set.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "formats.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define VECTORS 2
#define TILE_LIMIT 4
#define SIGNED_BIAS 0
#define PREFETCH_BYTES 2048  // measured on Zen 3 with Q8_0: 18 GB/s without, 23 GB/s with

typedef __m256i vector;
typedef __m256 floats;

#define INLINE static inline __attribute__((always_inline))


// MARK: Vectors

INLINE vector load_vector(const void *source) { return _mm256_loadu_si256((const __m256i *)source); }
INLINE void store_vector(void *to, vector v) { _mm256_storeu_si256((__m256i *)to, v); }
INLINE floats load_floats(const float *source) { return _mm256_loadu_ps(source); }
INLINE void store_floats(float *to, floats v) { _mm256_storeu_ps(to, v); }
INLINE void prefetch(const void *from) { _mm_prefetch((const char *)from, _MM_HINT_T0); }

INLINE vector all_bytes(uint8_t value) { return _mm256_set1_epi8((char)value); }
INLINE vector all_shorts(int value) { return _mm256_set1_epi16((short)value); }
INLINE vector all_lanes(uint32_t value) { return _mm256_set1_epi32((int)value); }
INLINE floats all_floats(float value) { return _mm256_set1_ps(value); }
INLINE vector repeat_16_bytes(const void *bytes) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)bytes));
}
INLINE vector broadcast_4_bytes(const void *source) {
    int32_t bytes;
    memcpy(&bytes, source, sizeof bytes);
    return _mm256_set1_epi32(bytes);
}

INLINE vector shift_right_16(vector v, int bits) { return _mm256_srl_epi16(v, _mm_cvtsi32_si128(bits)); }
INLINE vector shift_left_16(vector v, int bits) { return _mm256_sll_epi16(v, _mm_cvtsi32_si128(bits)); }
INLINE vector shift_right_32(vector v, int bits) { return _mm256_srl_epi32(v, _mm_cvtsi32_si128(bits)); }
INLINE vector subtract_bytes(vector a, vector b) { return _mm256_sub_epi8(a, b); }
INLINE vector subtract_lanes(vector a, vector b) { return _mm256_sub_epi32(a, b); }
INLINE vector multiply_shorts(vector a, vector b) { return _mm256_mullo_epi16(a, b); }
/// a.first * b.first + a.second * b.second of the int16 in each lane.
INLINE vector multiply_pairs(vector a, vector b) { return _mm256_madd_epi16(a, b); }
INLINE floats multiply_add(floats a, floats b, floats c) { return _mm256_fmadd_ps(a, b, c); }

/// Bytes of v chosen by `from` within each 16 bytes.
INLINE vector shuffle_bytes(vector v, vector from) { return _mm256_shuffle_epi8(v, from); }
INLINE vector look_up(const int8_t values[16], vector nibbles) {
    return _mm256_shuffle_epi8(repeat_16_bytes(values), nibbles);
}
/// 16 in each byte where v has the one bit of `bits`, else 0.
INLINE vector sixteen_where(vector v, vector bits) {
    return _mm256_cmpeq_epi8(v & bits, bits) & all_bytes(16);
}
INLINE vector signed_quants(vector quants) { return quants; }

INLINE floats float_of_lanes(vector lanes) { return _mm256_cvtepi32_ps(lanes); }
INLINE floats widen_halves(const uint8_t *source) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)source));
}
INLINE vector widen_shorts(const uint8_t *source) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)source));
}
/// As tk_float_of_e8m0_half: 0 and 1 give subnormals.
INLINE floats widen_exponents(const uint8_t *source) {
    const vector exponents = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)source));
    const vector one = all_lanes(1), normal = _mm256_slli_epi32(_mm256_sub_epi32(exponents, one), 23);
    const vector subnormal = _mm256_sllv_epi32(all_lanes(0x00200000), exponents);
    return _mm256_castsi256_ps(_mm256_blendv_epi8(subnormal, normal, _mm256_cmpgt_epi32(exponents, one)));
}

/// The signed bytes `first` and `second` of each lane as a pair of int16.
INLINE vector pair_of_bytes(vector unit, size_t first, size_t second) {
    const vector starts = repeat_16_bytes(tk_lane_starts) & all_lanes(0xff00ff00u);
    const vector from = starts | all_lanes(0x00800080u | (uint32_t)first << 8 | (uint32_t)second << 24);
    return _mm256_srai_epi16(_mm256_shuffle_epi8(unit, from), 8);
}
/// What a sum of products is multiplied by: a pair of equal int16.
INLINE vector sub_scale(vector unit, size_t index) { return pair_of_bytes(unit, index, index); }

#include "quantized_panels.h"

// MARK: Sums of products

/// Groups of 4 columns whose sums of two products, added up, stay within 16 bits: |x| <= 127.
INLINE size_t groups_at_once(tk_type type) {
    switch (type) {
    case TK_Q4_0:
    case TK_Q4_1:
    case TK_Q4_K: return 8;  // 16 * 15 * 127 = 30,480
    case TK_Q5_0:
    case TK_Q5_1:
    case TK_Q5_K:            // 8 * 31 * 127 = 31,496
    case TK_MXFP4:           // 8 * 24 * 127 = 24,384
    case TK_Q2_K:            // the next 4 have another sub-scale
    case TK_Q3_K: return 4;
    case TK_Q6_K: return 2;  // 4 * 63 * 127 = 32,004
    default: return 1;       // 2 * 128 * 127 = 32,512
    }
}

/// pairs[t][v] += the sums of two products of group `group`.
INLINE void add_pairs(
    tk_type type, size_t tokens, vector pairs[][VECTORS], part_source from, size_t group, const int8_t *x,
    size_t columns) {
    vector quants[VECTORS], magnitudes[VECTORS];
    for (size_t v = 0; v < VECTORS; v++) {
        quants[v] = quants_of(type, from, group, v);
        magnitudes[v] = has_signed_quants(type) ? _mm256_abs_epi8(quants[v]) : quants[v];
    }
    for (size_t t = 0; t < tokens; t++) {
        const vector value = broadcast_4_bytes(x + t * columns + 4 * group);
        for (size_t v = 0; v < VECTORS; v++) {
            const vector signed_value = has_signed_quants(type) ? _mm256_sign_epi8(value, quants[v]) : value;
            pairs[t][v] = _mm256_add_epi16(pairs[t][v], _mm256_maddubs_epi16(magnitudes[v], signed_value));
        }
    }
}

/// dots[t][v] += (sub-scale) * (quant + bias) * x of `count` groups from `first` on, and of those 4 after them where
/// 8 groups go together. The first groups (number 0) begin with the correction for the bias.
INLINE void add_groups(
    tk_type type, size_t tokens, vector dots[][VECTORS], part_source from, const part_scales *scales, tk_quantized x,
    size_t stride, size_t first, size_t count) {
    vector pairs[TILE_LIMIT][VECTORS];
    for (size_t t = 0; t < tokens; t++) pairs[t][0] = pairs[t][1] = _mm256_setzero_si256();
    const size_t columns = stride * TK_BLOCK;
    if (tokens == 1 || count < 4) {
        for (size_t g = first; g < first + count; g++) add_pairs(type, tokens, pairs, from, g, x.quants, columns);
    } else {
#pragma clang loop unroll(disable)  // unrolled, its vectors would not fit the registers
        for (size_t g = first; g < first + count; g++) {
            add_pairs(type, tokens, pairs, from, g, x.quants, columns);
            if (groups_at_once(type) == 8) add_pairs(type, tokens, pairs, from, g + 4, x.quants, columns);
        }
    }
    for (size_t t = 0; t < tokens; t++) {
        for (size_t v = 0; v < VECTORS; v++) {
            const vector before = first > 0 ? dots[t][v] : bias_correction(type, scales, v, x.sums + t * stride);
            const vector factor = tk_has_sub_scales(type) ? scales->sub[first / 4][v] : all_shorts(1);
            dots[t][v] = _mm256_add_epi32(before, _mm256_madd_epi16(pairs[t][v], factor));
        }
    }
}

/// dots[t][v]: sums over a part of (sub-scale) * quant * x of 8 rows and token t.
INLINE void sum_products(
    tk_type type, size_t tokens, vector dots[][VECTORS], part_source from, const part_scales *scales, tk_quantized x,
    size_t stride) {
    const size_t step = groups_at_once(type);
    add_groups(type, tokens, dots, from, scales, x, stride, 0, step < 4 || tokens == 1 ? step : 4);
    if (tokens == 1 || step >= 4) {
        for (size_t g = step; g < 8; g += step) add_groups(type, tokens, dots, from, scales, x, stride, g, step);
    } else {
#pragma clang loop unroll(disable)
        for (size_t g = step; g < 8; g += step) add_groups(type, tokens, dots, from, scales, x, stride, g, step);
    }
}

#include "quantized_products.h"

void tk_avx2_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t tokens, size_t rows,
    size_t columns) {
    multiply_panels(type, out, out_stride, panels, x, tokens, rows, columns);
}

#pragma clang attribute pop

#endif
