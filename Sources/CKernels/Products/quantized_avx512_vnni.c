// Products with quantized panels for AVX-512 with VNNI.
//
// Responsible for: putting the templates together.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "Levels/kernels_table_x86.h"

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)

#define WITH_VNNI
#define TILE_LIMIT 8
#define PIPELINED_TOKENS 4
#define PREFETCH_BYTES 8192  // measured on Zen 5, Q4_0: 8 tokens run at 565 GOP/s with 2,048, at 720 with 8,192

#include "Vectors/vectors_avx512.h"

#include "Products/quantized_dots.h"
#include "Products/quantized_products.h"

void tk_avx512_vnni_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
    size_t rows, size_t columns) {
    multiply_panels(type, out, out_stride, panels, x, first, count, rows, columns);
}

#pragma clang attribute pop

#endif
