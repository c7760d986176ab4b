// The kernels for AVX-512 F, BW, DQ and VL: one vector of 16 floats is the 16 rows of a panel.
//
// Responsible for: putting the templates of one vector width together.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#include "Levels/kernels_table_x86.h"

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)

#include "Vectors/vectors_avx512.h"

#define FLOAT_TILES_OF_4(EACH, type, panels) \
    EACH(type, panels, 1) EACH(type, panels, 2) EACH(type, panels, 3) EACH(type, panels, 4)
#define FLOAT_TILES_OF_12(EACH, type, panels) \
    FLOAT_TILES_OF_4(EACH, type, panels) \
    EACH(type, panels, 5) EACH(type, panels, 6) EACH(type, panels, 7) EACH(type, panels, 8) \
    EACH(type, panels, 9) EACH(type, panels, 10) EACH(type, panels, 11) EACH(type, panels, 12)
#define FLOAT_TILES(EACH, type) \
    FLOAT_TILES_OF_12(EACH, type, 1) FLOAT_TILES_OF_12(EACH, type, 2) FLOAT_TILES_OF_4(EACH, type, 4)
#define FLOAT_TILE_LIMIT 12
#define FLOAT_PANELS 2
#define FLOAT_FEW_TOKENS 4
/// Measured on Zen 5 with F16: 2 tokens read 37 GB/s so, 33 GB/s with twice the distance; 6 tokens run at 180 and 207 GFLOP/s.
#define FLOAT_PREFETCH(panels) ((panels) == 4 ? 2048 : 4096)

#include "Products/float_products.h"
#include "Recurrence/delta_columns.h"
#include "Rows/row_kernels.h"

const tk_kernels tk_kernels_avx512 = TK_X86_KERNELS(tk_avx512_matmul_quantized, tk_avx512_attend);
const tk_kernels tk_kernels_avx512_vnni = TK_X86_KERNELS(tk_avx512_vnni_matmul_quantized, tk_avx512_attend);

#pragma clang attribute pop

#endif
