// Choice of the instruction set, once, and the functions that forward to it.
//
// Responsible for: asking the processor and the operating system what can run, and the state `tk_set_level` changes.
// Must not know: arithmetic.

#include "kernels_internal.h"

#include <math.h>
#include <stdatomic.h>

#if defined(__x86_64__)
#include <cpuid.h>

/// The register state that the operating system saves (XCR0), 0 where it does not say.
static uint32_t saved_state(void) {
    uint32_t eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE)) return 0;
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax;
}

static tk_level detect(void) {
    const uint32_t ymm_state = 0x6, zmm_state = 0xe6;
    const uint32_t avx2_1 = bit_FMA | bit_F16C | bit_AVX, avx2_7 = bit_AVX2;
    const uint32_t avx512_7 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL, avx512_7c = bit_AVX512VNNI;

    uint32_t eax, ebx, ecx, edx;
    const uint32_t state = saved_state();
    if ((state & ymm_state) != ymm_state) return TK_LEVEL_PORTABLE;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & avx2_1) != avx2_1) return TK_LEVEL_PORTABLE;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (ebx & avx2_7) != avx2_7) return TK_LEVEL_PORTABLE;
    if ((state & zmm_state) != zmm_state || (ebx & avx512_7) != avx512_7 || (ecx & avx512_7c) != avx512_7c) {
        return TK_LEVEL_AVX2;
    }
    return TK_LEVEL_AVX512;
}

static const tk_kernels *const tables[] = {&tk_kernels_portable, &tk_kernels_avx2, &tk_kernels_avx512};
#else
static tk_level detect(void) {
    return TK_LEVEL_PORTABLE;
}

static const tk_kernels *const tables[] = {&tk_kernels_portable};
#endif

// Both hold level + 1, 0 while nobody has asked. Two threads that ask first store the same value.
static atomic_int best, current;

tk_level tk_best_level(void) {
    int level = atomic_load_explicit(&best, memory_order_relaxed);
    if (level == 0) {
        level = (int)detect() + 1;
        atomic_store_explicit(&best, level, memory_order_relaxed);
    }
    return (tk_level)(level - 1);
}

tk_level tk_current_level(void) {
    const int level = atomic_load_explicit(&current, memory_order_relaxed);
    return level == 0 ? tk_best_level() : (tk_level)(level - 1);
}

int tk_set_level(tk_level level) {
    if (level > tk_best_level()) return -1;
    atomic_store_explicit(&current, (int)level + 1, memory_order_relaxed);
    return 0;
}

static inline const tk_kernels *kernels(void) {
    return tables[tk_current_level()];
}

// MARK: Forwarding

void tk_quantize(tk_quantized out, const float *x, size_t tokens, size_t columns) {
    kernels()->quantize(out, x, tokens, columns);
}

void tk_matmul_float(
    tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
    size_t columns) {
    kernels()->matmul_float(type, out, out_stride, panels, x, tokens, rows, columns);
}

void tk_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t tokens, size_t rows,
    size_t columns) {
    kernels()->matmul_quantized(type, out, out_stride, panels, x, tokens, rows, columns);
}

void tk_rms_norm(float *out, const float *x, const float *weight, size_t count, float epsilon) {
    kernels()->rms_norm(out, x, weight, count, epsilon);
}

void tk_layer_norm(float *out, const float *x, const float *weight, const float *bias, size_t count, float epsilon) {
    kernels()->layer_norm(out, x, weight, bias, count, epsilon);
}

void tk_add(float *x, const float *y, size_t count) {
    kernels()->add(x, y, count);
}

void tk_scale(float *x, size_t count, float factor) {
    kernels()->scale(x, count, factor);
}

void tk_softcap(float *x, size_t count, float cap) {
    kernels()->softcap(x, count, cap);
}

void tk_silu_multiply(float *gate, const float *up, size_t count) {
    kernels()->silu_multiply(gate, up, count);
}

void tk_gelu_tanh(float *x, size_t count) {
    kernels()->gelu_tanh(x, count);
}

void tk_clamped_swiglu(float *gate, const float *up, size_t count, float alpha, float limit) {
    kernels()->clamped_swiglu(gate, up, count, alpha, limit);
}

void tk_add_scaled(float *x, const float *y, float factor, size_t count) {
    kernels()->add_scaled(x, y, factor, count);
}

void tk_gelu_multiply(float *gate, const float *up, size_t count) {
    kernels()->gelu_multiply(gate, up, count);
}

void tk_exp(float *x, size_t count, float shift) {
    kernels()->exp(x, count, shift);
}

size_t tk_argmax(const float *x, size_t count) {
    return kernels()->argmax(x, count);
}

double tk_log_sum_exp(const float *x, size_t count, float maximum) {
    if (isinf(maximum)) return (double)maximum;
    return (double)maximum + tk_log(kernels()->sum_exp(x, count, maximum));
}

double tk_exp_scaled(float *out, const float *x, size_t count, float maximum, float temperature) {
    return kernels()->exp_scaled(out, x, count, maximum, temperature);
}

size_t tk_find_above(const float *x, size_t start, size_t count, float bound) {
    return kernels()->find_above(x, start, count, bound);
}

void tk_rope(
    float *x, size_t heads, size_t head_size, const float *cosines, const float *sines, size_t count,
    int paired_halves) {
    kernels()->rope(x, heads, head_size, cosines, sines, count, paired_halves);
}

void tk_attention(
    float *out, const float *query, const float *const *blocks, size_t kv_head, size_t kv_heads, size_t head_size,
    tk_attention_rules rules) {
    kernels()->attention(out, query, blocks, kv_head, kv_heads, head_size, rules);
}
