// The kernels of x86 levels that have files of their own, and a table made of them and of those beside it.
//
// Responsible for: which kernels are of a level and which are shared by several.
// Must not know: arithmetic.

#ifndef TANDEM_KERNELS_TABLE_X86_H
#define TANDEM_KERNELS_TABLE_X86_H

#include "Levels/kernels_table.h"

void tk_avx2_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
    size_t rows, size_t columns);
void tk_avx_vnni_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
    size_t rows, size_t columns);
void tk_avx512_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
    size_t rows, size_t columns);
void tk_avx512_vnni_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
    size_t rows, size_t columns);

void tk_avx2_attend(const tk_attention_shape *shape, tk_attending *queries, size_t count, tk_kv_head head);
void tk_avx512_attend(const tk_attention_shape *shape, tk_attending *queries, size_t count, tk_kv_head head);

// Kernels that wider vectors do not speed up: AVX-512 uses those of AVX2.
void tk_avx2_merge(float *x, const float *y, size_t count, float a, float b);
void tk_avx2_quantize(tk_quantized_block *out, size_t distance, const float *x, size_t blocks);
void tk_avx2_add(float *x, const float *y, size_t count);
void tk_avx2_clamped_swiglu(float *gate, const float *up, size_t count, float alpha, float limit);
void tk_avx2_add_scaled(float *x, const float *y, float factor, size_t count);
void tk_avx2_scale(float *x, size_t count, float factor);
void tk_avx2_rope(
    float *x, size_t heads, size_t head_size, const float *cosines, const float *sines, size_t count,
    int paired_halves);

/// The table of a level: names without a prefix are of the file that uses it. Levels of one vector width differ only by
/// their products of quantized matrices.
#define TK_X86_KERNELS(product, attention) \
    { \
        .quantize = tk_avx2_quantize, \
        .matmul_float = matmul_float, \
        .matmul_quantized = product, \
        .rms_norm = rms_norm, \
        .layer_norm = layer_norm, \
        .add = tk_avx2_add, \
        .scale = tk_avx2_scale, \
        .softcap = softcap, \
        .silu_multiply = silu_multiply, \
        .gelu_tanh = gelu_tanh, \
        .gelu_erf = gelu_erf, \
        .clamped_swiglu = tk_avx2_clamped_swiglu, \
        .add_scaled = tk_avx2_add_scaled, \
        .gelu_multiply = gelu_multiply, \
        .exp = exp_shifted, \
        .argmax = argmax, \
        .sum_exp = sum_exp, \
        .exp_scaled = exp_scaled, \
        .find_above = find_above, \
        .rope = tk_avx2_rope, \
        .attend = attention, \
        .merge = tk_avx2_merge, \
        .gate = gate_rows, \
        .delta_rule = delta_rule, \
    }

#endif
