// Attention over one KV block for AVX2.
//
// Responsible for: putting the template together.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#define INLINE static inline __attribute__((always_inline))
#define LANES 8
#define TILE_QUERIES 2
#define VALUE_QUERIES 2
#define VALUE_VECTORS 4

#include "kernels_internal.h"

#include <immintrin.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "math_avx2.h"
#include "vectors_avx2.h"

/// The reduction of the 32 elements of a block.
INLINE float sum_of_scores(const floats e[4]) { return reduce((e[0] + e[2]) + (e[1] + e[3])); }
INLINE float first_lane(floats v) { return _mm256_cvtss_f32(v); }

#include "attention_blocks.h"

void tk_avx2_attend(const tk_attention_shape *shape, tk_attending *queries, size_t count, tk_kv_head head) {
    attend(shape, queries, count, head);
}

#pragma clang attribute pop

#endif
