// Quantizing activations with AVX2, for AVX-512 too: wider vectors do not speed it up.
//
// Responsible for: `tk_quantize`.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "Formats/activations.h"
#include "Levels/kernels_table_x86.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "Vectors/vectors_avx2.h"

INLINE int32_t sum_of(__m256i v) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

INLINE vector round_scaled(const float *x, floats inverse) {
    return round_floats(load_floats(x) * inverse);
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

#pragma clang attribute pop

#endif
