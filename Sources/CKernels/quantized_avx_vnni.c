// Products with quantized panels for AVX2 with VNNI on 256 bits (AVX-VNNI).
//
// Responsible for: putting the templates together.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)

#define INLINE static inline __attribute__((always_inline))
#define TILE_LIMIT 4
#define PREFETCH_BYTES 8192

#include "vectors_avx2.h"

INLINE vector add_products(vector sums, vector a, vector b) { return _mm256_dpbusd_avx_epi32(sums, a, b); }

#include "quantized_dots.h"
#include "quantized_products.h"

void tk_avx_vnni_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
    size_t rows, size_t columns) {
    multiply_panels(type, out, out_stride, panels, x, first, count, rows, columns);
}

#pragma clang attribute pop

#endif
