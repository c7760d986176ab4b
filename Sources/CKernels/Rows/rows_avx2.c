// Kernels of rows that wider vectors do not speed up: AVX-512 uses these of AVX2 too.
//
// Responsible for: the results of kernels_portable.c, bit for bit, faster. What is left of a row after whole vectors goes
// through the portable kernel.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "Levels/kernels_table_x86.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "Vectors/vectors_avx2.h"

#include "Vectors/vector_math.h"

// MARK: Element by element

void tk_avx2_add(float *x, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] += y[i];
}

void tk_avx2_scale(float *x, size_t count, float factor) {
    for (size_t i = 0; i < count; i++) x[i] *= factor;
}

void tk_avx2_clamped_swiglu(float *gate, const float *up, size_t count, float alpha, float limit) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        // NaN passes.
        const floats g = smaller(all_floats(limit), load_floats(gate + i));
        const floats u = larger(all_floats(-limit), smaller(all_floats(limit), load_floats(up + i)));
        store_floats(gate + i, (u + all_floats(1)) * gated(g, all_floats(alpha) * g));
    }
    tk_kernels_portable.clamped_swiglu(gate + i, up + i, count - i, alpha, limit);
}

void tk_avx2_add_scaled(float *x, const float *y, float factor, size_t count) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        store_floats(x + i, multiply_add(all_floats(factor), load_floats(y + i), load_floats(x + i)));
    }
    tk_kernels_portable.add_scaled(x + i, y + i, factor, count - i);
}

void tk_avx2_merge(float *x, const float *y, size_t count, float a, float b) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        store_floats(x + i, multiply_add(load_floats(x + i), all_floats(a), load_floats(y + i) * all_floats(b)));
    }
    tk_kernels_portable.merge(x + i, y + i, count - i, a, b);
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

#pragma clang attribute pop

#endif
