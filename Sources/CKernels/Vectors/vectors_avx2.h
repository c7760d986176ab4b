// Vectors of 256 bits: two of 8 lanes are the 16 rows of a panel. For files that need AVX2, FMA and F16C.
//
// Responsible for: naming the instructions that the templates use, which are written once for every width.
// Must not know: panels, products, rows.

#ifndef TANDEM_VECTORS_AVX2_H
#define TANDEM_VECTORS_AVX2_H

#include "Vectors/vectors.h"

/// 4-byte lanes of a vector, and vectors of the 16 rows of a panel.
#define LANES 8
#define VECTORS 2

typedef __m256i vector;
typedef __m256 floats;
typedef __m256d doubles;

// MARK: Vectors

INLINE vector load_vector(const void *source) { return _mm256_loadu_si256((const __m256i *)source); }
INLINE void store_vector(void *to, vector v) { _mm256_storeu_si256((__m256i *)to, v); }
INLINE floats load_floats(const float *source) { return _mm256_loadu_ps(source); }
INLINE void store_floats(float *to, floats v) { _mm256_storeu_ps(to, v); }
INLINE void prefetch(const void *from) { _mm_prefetch((const char *)from, _MM_HINT_T0); }
/// Into the second-level cache.
INLINE void prefetch_far(const void *from) { _mm_prefetch((const char *)from, _MM_HINT_T1); }

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
INLINE vector shift_left_32(vector v, int bits) { return _mm256_sll_epi32(v, _mm_cvtsi32_si128(bits)); }
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

INLINE vector bits_of_floats(floats v) { return _mm256_castps_si256(v); }
INLINE floats floats_of_bits(vector v) { return _mm256_castsi256_ps(v); }
/// To the nearest integers, ties to even.
INLINE vector round_floats(floats v) { return _mm256_cvtps_epi32(v); }

/// a * b of each lane.
INLINE vector multiply_lanes(vector a, vector b) { return _mm256_mullo_epi32(a, b); }
INLINE vector add_lanes(vector a, vector b) { return _mm256_add_epi32(a, b); }
/// a + b of each 8 bytes.
INLINE vector add_words(vector a, vector b) { return _mm256_add_epi64(a, b); }
INLINE vector add_shorts(vector a, vector b) { return _mm256_add_epi16(a, b); }
INLINE vector add_bytes(vector a, vector b) { return _mm256_add_epi8(a, b); }
INLINE vector shift_right_signed(vector v, int bits) { return _mm256_sra_epi32(v, _mm_cvtsi32_si128(bits)); }
/// 8 signed bytes as floats.
INLINE floats widen_bytes(const int8_t *source) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)source)));
}
/// An f16 in every lane.
INLINE floats all_of_half(const uint8_t *source) {
    return _mm256_cvtph_ps(_mm_set1_epi16((short)tk_load_u16(source)));
}
INLINE floats larger(floats a, floats b) { return _mm256_max_ps(a, b); }  // b where one is NaN
INLINE floats smaller(floats a, floats b) { return _mm256_min_ps(a, b); }  // likewise
/// a * b + c where `condition`, else c.
INLINE floats multiply_add_if(int condition, floats a, floats b, floats c) {
    return condition ? _mm256_fmadd_ps(a, b, c) : c;
}
/// v in the lanes whose number plus `base` lies in start ..< end, else -infinity.
INLINE floats where_inside(floats v, size_t base, size_t start, size_t end) {
    const __m256i lanes = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32((int)base));
    const __m256i begun = _mm256_cmpgt_epi32(lanes, _mm256_set1_epi32((int)start - 1));
    const __m256i inside = _mm256_and_si256(begun, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)end), lanes));
    return _mm256_blendv_ps(_mm256_set1_ps(-__builtin_inff()), v, _mm256_castsi256_ps(inside));
}
INLINE vector zeros(void) { return _mm256_setzero_si256(); }
/// The signed byte `index` of each lane.
INLINE vector byte_of_lanes(vector unit, size_t index) {
    return _mm256_srai_epi32(_mm256_sll_epi32(unit, _mm_cvtsi32_si128(24 - 8 * (int)index)), 24);
}
INLINE vector magnitudes_of_bytes(vector v) { return _mm256_abs_epi8(v); }
/// v with the sign of `signs` in each byte (anything where that is 0).
INLINE vector signed_like(vector v, vector signs) { return _mm256_sign_epi8(v, signs); }
/// a.first * b.first + a.second * b.second of the unsigned bytes a and the signed ones b in each int16.
INLINE vector multiply_byte_pairs(vector a, vector b) { return _mm256_maddubs_epi16(a, b); }

// MARK: Lanes

/// The sum of the lanes, as the tree of `tk_reduce` adds them.
INLINE float sum_of_lanes(floats v) { return sum_of_8(v); }
/// The largest lane; no lane is NaN.
INLINE float largest_lane(floats v) { return largest_of_8(v); }
/// A bit for each lane of v that is above that of `bounds`, or equal to it.
INLINE uint32_t lanes_above(floats v, floats bounds) {
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(v, bounds, _CMP_GT_OQ));
}
INLINE uint32_t lanes_equal(floats v, floats bounds) {
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(v, bounds, _CMP_EQ_OQ));
}
/// v in the lanes where `tested` is a number, else 0.
INLINE floats where_number(floats v, floats tested) {
    return _mm256_and_ps(v, _mm256_cmp_ps(tested, tested, _CMP_ORD_Q));
}
/// The first `count` (at most LANES) floats, and `rest` in the lanes after them.
INLINE floats load_first(const float *source, size_t count, float rest) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i inside = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes);
    return _mm256_blendv_ps(all_floats(rest), _mm256_maskload_ps(source, inside), _mm256_castsi256_ps(inside));
}

/// The first and the second half of the lanes.
INLINE doubles widen_first(floats v) { return _mm256_cvtps_pd(_mm256_castps256_ps128(v)); }
INLINE doubles widen_second(floats v) { return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)); }
INLINE void store_doubles(double *to, doubles v) { _mm256_storeu_pd(to, v); }

#ifdef WITH_VNNI  // what files define whose target has AVX-VNNI
/// sums + the four products of unsigned bytes a and signed bytes b in each lane.
INLINE vector add_products(vector sums, vector a, vector b) { return _mm256_dpbusd_avx_epi32(sums, a, b); }
#endif

#endif
