// Reductions and elementary functions over vectors of 16 floats, for files that need AVX-512 F and DQ. They define INLINE.
//
// Responsible for: the results of kernels_portable.c's `tk_reduce`, `exponential` and `capped`, bit for bit.
// Must not know: who asks.

#ifndef TANDEM_MATH_AVX512_H
#define TANDEM_MATH_AVX512_H

#include "kernels_internal.h"

#include <immintrin.h>

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

INLINE __m512 capped(__m512 x, float cap) {
    const __m512 caps = _mm512_set1_ps(cap), one = _mm512_set1_ps(1), two = _mm512_set1_ps(2);
    const __m512 u = _mm512_div_ps(x, caps);
    const __m512 divisor = _mm512_add_ps(exponential(_mm512_add_ps(u, u)), one);
    return _mm512_mul_ps(caps, _mm512_sub_ps(one, _mm512_div_ps(two, divisor)));
}

#endif
