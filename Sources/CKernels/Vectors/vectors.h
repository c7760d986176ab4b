// What the files that name vector operations share. They include it where their instruction set is in force.
//
// Responsible for: eight floats to one, and how bytes lie in lanes.
// Must not know: how wide the vectors are.

#ifndef TANDEM_VECTORS_H
#define TANDEM_VECTORS_H

#include "Numbers/numbers.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

/// In the four bytes of each lane, where the lane begins within its 16 bytes.
static const uint8_t tk_lane_starts[16] = {0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12};

/// The last three steps of the tree that `tk_reduce` adds by.
INLINE float sum_of_8(__m256 v) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

INLINE float largest_of_8(__m256 v) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

#endif
