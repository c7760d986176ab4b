// Attention over one KV block for AVX2.
//
// Responsible for: putting the template together.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "Levels/kernels_table_x86.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "Vectors/vectors_avx2.h"

#define TILE_QUERIES 2
#define VALUE_QUERIES 2
#define VALUE_VECTORS 4

#include "Attention/attention_blocks.h"

void tk_avx2_attend(const tk_attention_shape *shape, tk_attending *queries, size_t count, tk_kv_head head) {
    attend(shape, queries, count, head);
}

#pragma clang attribute pop

#endif
