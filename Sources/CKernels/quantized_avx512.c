// Products with quantized panels for AVX-512 with VNNI: one vector of 16 lanes is the 16 rows of a panel.
//
// Responsible for: the exact sums of products, and what quantized_products.h needs of the instruction set.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "formats.h"

#include <immintrin.h>

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)

#define VECTORS 1
#define TILE_LIMIT 8
#define SIGNED_BIAS 128
#define PREFETCH_BYTES 2048

typedef __m512i vector;
typedef __m512 floats;

#define INLINE static inline __attribute__((always_inline))

// MARK: Vectors

INLINE vector load_vector(const void *source) { return _mm512_loadu_si512(source); }
INLINE void store_vector(void *to, vector v) { _mm512_storeu_si512(to, v); }
INLINE floats load_floats(const float *source) { return _mm512_loadu_ps(source); }
INLINE void store_floats(float *to, floats v) { _mm512_storeu_ps(to, v); }
INLINE void prefetch(const void *from) { _mm_prefetch((const char *)from, _MM_HINT_T0); }

INLINE vector all_bytes(uint8_t value) { return _mm512_set1_epi8((char)value); }
INLINE vector all_shorts(int value) { return _mm512_set1_epi16((short)value); }
INLINE vector all_lanes(uint32_t value) { return _mm512_set1_epi32((int)value); }
INLINE floats all_floats(float value) { return _mm512_set1_ps(value); }
INLINE vector repeat_16_bytes(const void *bytes) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)bytes));
}
INLINE vector broadcast_4_bytes(const void *source) {
    int32_t bytes;
    memcpy(&bytes, source, sizeof bytes);
    return _mm512_set1_epi32(bytes);
}

INLINE vector shift_right_16(vector v, int bits) { return _mm512_srl_epi16(v, _mm_cvtsi32_si128(bits)); }
INLINE vector shift_left_16(vector v, int bits) { return _mm512_sll_epi16(v, _mm_cvtsi32_si128(bits)); }
INLINE vector shift_right_32(vector v, int bits) { return _mm512_srl_epi32(v, _mm_cvtsi32_si128(bits)); }
INLINE vector subtract_bytes(vector a, vector b) { return _mm512_sub_epi8(a, b); }
INLINE vector subtract_lanes(vector a, vector b) { return _mm512_sub_epi32(a, b); }
INLINE vector multiply_shorts(vector a, vector b) { return _mm512_mullo_epi16(a, b); }
/// a.first * b.first + a.second * b.second of the int16 in each lane.
INLINE vector multiply_pairs(vector a, vector b) { return _mm512_madd_epi16(a, b); }
INLINE floats multiply_add(floats a, floats b, floats c) { return _mm512_fmadd_ps(a, b, c); }

/// Bytes of v chosen by `from` within each 16 bytes.
INLINE vector shuffle_bytes(vector v, vector from) { return _mm512_shuffle_epi8(v, from); }
INLINE vector look_up(const int8_t values[16], vector nibbles) {
    return _mm512_shuffle_epi8(repeat_16_bytes(values), nibbles);
}
/// 16 in each byte where v has the one bit of `bits`, else 0.
INLINE vector sixteen_where(vector v, vector bits) {
    return _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(v, bits), all_bytes(16));
}
INLINE vector signed_quants(vector quants) { return quants ^ all_bytes(0x80); }

INLINE floats float_of_lanes(vector lanes) { return _mm512_cvtepi32_ps(lanes); }
INLINE floats widen_halves(const uint8_t *source) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)source));
}
INLINE vector widen_shorts(const uint8_t *source) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)source));
}
/// As tk_float_of_e8m0_half: 0 and 1 give subnormals.
INLINE floats widen_exponents(const uint8_t *source) {
    const vector exponents = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)source));
    const vector one = all_lanes(1), normal = _mm512_slli_epi32(_mm512_sub_epi32(exponents, one), 23);
    const vector subnormal = _mm512_sllv_epi32(all_lanes(0x00200000), exponents);
    return _mm512_castsi512_ps(_mm512_mask_mov_epi32(subnormal, _mm512_cmpgt_epi32_mask(exponents, one), normal));
}

/// The signed bytes `first` and `second` of each lane as a pair of int16.
INLINE vector pair_of_bytes(vector unit, size_t first, size_t second) {
    const vector starts = repeat_16_bytes(tk_lane_starts) & all_lanes(0xff00ff00u);
    const vector from = starts | all_lanes(0x00800080u | (uint32_t)first << 8 | (uint32_t)second << 24);
    return _mm512_srai_epi16(_mm512_shuffle_epi8(unit, from), 8);
}
/// What a sum of products is multiplied by: the signed byte `index` of each lane.
INLINE vector sub_scale(vector unit, size_t index) {
    return _mm512_srai_epi32(_mm512_sll_epi32(unit, _mm_cvtsi32_si128(24 - 8 * (int)index)), 24);
}

#include "quantized_panels.h"

// MARK: Sums of products

/// dots[t][0]: sums over a part of (sub-scale) * quant * x of 16 rows and token t.
INLINE void sum_products(
    tk_type type, size_t tokens, vector dots[][VECTORS], part_source from, const part_scales *scales, tk_quantized x,
    size_t stride) {
    const int is_scaled = tk_has_sub_scales(type);
    for (size_t t = 0; t < tokens; t++) dots[t][0] = bias_correction(type, scales, 0, x.sums + t * stride);
    for (size_t first = 0; first < 8; first += 4) {
        vector sums[TILE_LIMIT];
        for (size_t t = 0; t < tokens; t++) sums[t] = is_scaled ? _mm512_setzero_si512() : dots[t][0];
        for (size_t g = first; g < first + 4; g++) {
            const vector quants = quants_of(type, from, g, 0);
            for (size_t t = 0; t < tokens; t++) {
                const vector values = broadcast_4_bytes(x.quants + t * stride * TK_BLOCK + 4 * g);
                sums[t] = _mm512_dpbusd_epi32(sums[t], quants, values);
            }
        }
        for (size_t t = 0; t < tokens; t++) {
            const vector scaled = _mm512_mullo_epi32(sums[t], scales->sub[first / 4][0]);
            dots[t][0] = is_scaled ? _mm512_add_epi32(dots[t][0], scaled) : sums[t];
        }
    }
}

#include "quantized_products.h"

void tk_avx512_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t tokens, size_t rows,
    size_t columns) {
    multiply_panels(type, out, out_stride, panels, x, tokens, rows, columns);
}

#pragma clang attribute pop

#endif
