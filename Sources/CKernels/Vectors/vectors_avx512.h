// Vectors of 512 bits: one of 16 lanes is the 16 rows of a panel. For files that need AVX-512 F, BW, DQ and VL.
//
// Responsible for: naming the instructions that the templates use, which are written once for every width.
// Must not know: panels, products, rows.

#ifndef TANDEM_VECTORS_AVX512_H
#define TANDEM_VECTORS_AVX512_H

#include "Vectors/vectors.h"

/// 4-byte lanes of a vector, and vectors of the 16 rows of a panel.
#define LANES 16
#define VECTORS 1

typedef __m512i vector;
typedef __m512 floats;
typedef __m512d doubles;

// MARK: Vectors

INLINE vector load_vector(const void *source) { return _mm512_loadu_si512(source); }
INLINE void store_vector(void *to, vector v) { _mm512_storeu_si512(to, v); }
INLINE floats load_floats(const float *source) { return _mm512_loadu_ps(source); }
INLINE void store_floats(float *to, floats v) { _mm512_storeu_ps(to, v); }
INLINE void prefetch(const void *from) { _mm_prefetch((const char *)from, _MM_HINT_T0); }
/// Into the second-level cache.
INLINE void prefetch_far(const void *from) { _mm_prefetch((const char *)from, _MM_HINT_T1); }

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
INLINE vector shift_left_32(vector v, int bits) { return _mm512_sll_epi32(v, _mm_cvtsi32_si128(bits)); }
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

INLINE vector bits_of_floats(floats v) { return _mm512_castps_si512(v); }
INLINE floats floats_of_bits(vector v) { return _mm512_castsi512_ps(v); }
/// To the nearest integers, ties to even.
INLINE vector round_floats(floats v) { return _mm512_cvtps_epi32(v); }

/// a * b of each lane.
INLINE vector multiply_lanes(vector a, vector b) { return _mm512_mullo_epi32(a, b); }
INLINE vector add_lanes(vector a, vector b) { return _mm512_add_epi32(a, b); }
/// a + b of each 8 bytes.
INLINE vector add_words(vector a, vector b) { return _mm512_add_epi64(a, b); }
INLINE vector add_shorts(vector a, vector b) { return _mm512_add_epi16(a, b); }
INLINE vector add_bytes(vector a, vector b) { return _mm512_add_epi8(a, b); }
INLINE vector shift_right_signed(vector v, int bits) { return _mm512_sra_epi32(v, _mm_cvtsi32_si128(bits)); }
/// 16 signed bytes as floats.
INLINE floats widen_bytes(const int8_t *source) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)source)));
}
/// An f16 in every lane.
INLINE floats all_of_half(const uint8_t *source) {
    return _mm512_cvtph_ps(_mm256_set1_epi16((short)tk_load_u16(source)));
}
INLINE floats larger(floats a, floats b) { return _mm512_max_ps(a, b); }  // b where one is NaN
INLINE floats smaller(floats a, floats b) { return _mm512_min_ps(a, b); }  // likewise
/// a * b + c where `condition`, else c.
INLINE floats multiply_add_if(int condition, floats a, floats b, floats c) {
    return _mm512_mask3_fmadd_ps(a, b, c, condition ? 0xffff : 0);
}
/// v in the lanes whose number plus `base` lies in start ..< end, else -infinity.
INLINE floats where_inside(floats v, size_t base, size_t start, size_t end) {
    const uint32_t inside = (uint32_t)((1ull << end) - (1ull << start));
    return _mm512_mask_mov_ps(_mm512_set1_ps(-__builtin_inff()), (__mmask16)(inside >> base), v);
}
INLINE vector zeros(void) { return _mm512_setzero_si512(); }
/// The signed byte `index` of each lane.
INLINE vector byte_of_lanes(vector unit, size_t index) {
    return _mm512_srai_epi32(_mm512_sll_epi32(unit, _mm_cvtsi32_si128(24 - 8 * (int)index)), 24);
}
INLINE vector magnitudes_of_bytes(vector v) { return _mm512_abs_epi8(v); }
/// v with the sign of `signs` in each byte (anything where that is 0).
INLINE vector signed_like(vector v, vector signs) {
    return _mm512_mask_sub_epi8(v, _mm512_movepi8_mask(signs), _mm512_setzero_si512(), v);
}
/// a.first * b.first + a.second * b.second of the unsigned bytes a and the signed ones b in each int16.
INLINE vector multiply_byte_pairs(vector a, vector b) { return _mm512_maddubs_epi16(a, b); }

// MARK: Lanes

/// The sum of the lanes, as the tree of `tk_reduce` adds them.
INLINE float sum_of_lanes(floats v) {
    return sum_of_8(_mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}
/// The largest lane; no lane is NaN.
INLINE float largest_lane(floats v) {
    return largest_of_8(_mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}
/// A bit for each lane of v that is above that of `bounds`, or equal to it.
INLINE uint32_t lanes_above(floats v, floats bounds) { return _mm512_cmp_ps_mask(v, bounds, _CMP_GT_OQ); }
INLINE uint32_t lanes_equal(floats v, floats bounds) { return _mm512_cmp_ps_mask(v, bounds, _CMP_EQ_OQ); }
/// v in the lanes where `tested` is a number, else 0.
INLINE floats where_number(floats v, floats tested) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(tested, tested, _CMP_ORD_Q), v);
}
/// The first `count` (at most LANES) floats, and `rest` in the lanes after them.
INLINE floats load_first(const float *source, size_t count, float rest) {
    return _mm512_mask_loadu_ps(all_floats(rest), (__mmask16)((1u << count) - 1), source);
}

/// The first and the second half of the lanes.
INLINE doubles widen_first(floats v) { return _mm512_cvtps_pd(_mm512_castps512_ps256(v)); }
INLINE doubles widen_second(floats v) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)); }
INLINE void store_doubles(double *to, doubles v) { _mm512_storeu_pd(to, v); }

#ifdef WITH_VNNI  // what files define whose target has AVX-512 VNNI
/// sums + the four products of unsigned bytes a and signed bytes b in each lane.
INLINE vector add_products(vector sums, vector a, vector b) { return _mm512_dpbusd_epi32(sums, a, b); }
#endif

#endif
