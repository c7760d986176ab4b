// Reductions and elementary functions over vectors of 8 floats, for files that need AVX2 and FMA. They define INLINE.
//
// Responsible for: the results of kernels_portable.c's `tk_reduce`, `exponential` and `capped`, bit for bit.
// Must not know: who asks.

#ifndef TANDEM_MATH_AVX2_H
#define TANDEM_MATH_AVX2_H

#include "kernels_internal.h"

#include <immintrin.h>

/// Adds the 8 lanes as the last three steps of the reduction tree do.
INLINE float reduce(__m256 v) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

/// The largest lane that is not NaN; -infinity if there is none (no lane of v is then larger).
INLINE float largest(__m256 v) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

INLINE __m256 exponential(__m256 x) {
    // max and min return their second operand when one is NaN.
    x = _mm256_max_ps(_mm256_set1_ps(TK_EXP_LOWEST), x);
    x = _mm256_min_ps(_mm256_set1_ps(TK_EXP_HIGHEST), x);
    const __m256 rounder = _mm256_set1_ps(TK_EXP_ROUNDER), one = _mm256_set1_ps(1);
    const __m256 shifted = _mm256_fmadd_ps(x, _mm256_set1_ps(TK_LOG2_E), rounder);
    const __m256 n = _mm256_sub_ps(shifted, rounder);
    __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-TK_LN2_HIGH), x);
    r = _mm256_fmadd_ps(n, _mm256_set1_ps(-TK_LN2_LOW), r);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(TK_EXP_C7), r, _mm256_set1_ps(TK_EXP_C6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(TK_EXP_C5));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(TK_EXP_C4));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(TK_EXP_C3));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(TK_EXP_C2));
    p = _mm256_fmadd_ps(p, r, one);
    p = _mm256_fmadd_ps(p, r, one);
    const __m256i bias = _mm256_set1_epi32(127);
    const __m256i power = _mm256_sub_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(TK_EXP_ROUNDER_BITS));
    const __m256i half = _mm256_srai_epi32(power, 1), rest = _mm256_sub_epi32(power, half);
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23)));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23)));
}

INLINE __m256 capped(__m256 x, float cap) {
    const __m256 caps = _mm256_set1_ps(cap), one = _mm256_set1_ps(1), two = _mm256_set1_ps(2);
    const __m256 u = _mm256_div_ps(x, caps);
    const __m256 divisor = _mm256_add_ps(exponential(_mm256_add_ps(u, u)), one);
    return _mm256_mul_ps(caps, _mm256_sub_ps(one, _mm256_div_ps(two, divisor)));
}

#endif
