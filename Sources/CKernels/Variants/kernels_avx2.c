// The kernels for AVX2, FMA and F16C: two vectors of 8 floats are the 16 rows of a panel.
//
// Responsible for: putting the templates of one vector width together.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "Levels/kernels_table_x86.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "Vectors/vectors_avx2.h"

#define FLOAT_TILES(EACH, type) \
    EACH(type, 4, 1) \
    EACH(type, 1, 1) EACH(type, 1, 2) EACH(type, 1, 3) EACH(type, 1, 4) EACH(type, 1, 5) EACH(type, 1, 6)
#define FLOAT_TILE_LIMIT 6
#define FLOAT_PANELS 1
#define FLOAT_FEW_TOKENS 1
#define FLOAT_PREFETCH(panels) 0

#include "Products/float_products.h"
#include "Recurrence/delta_columns.h"
#include "Rows/row_kernels.h"

const tk_kernels tk_kernels_avx2 = TK_X86_KERNELS(tk_avx2_matmul_quantized, tk_avx2_attend);
const tk_kernels tk_kernels_avx_vnni = TK_X86_KERNELS(tk_avx_vnni_matmul_quantized, tk_avx2_attend);

#pragma clang attribute pop

#endif
