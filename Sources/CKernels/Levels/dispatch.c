// Choice of the instruction set, once, and the functions that forward to it.
//
// Responsible for: asking the processor and the operating system what can run, and the state `tk_set_level` changes.
// Must not know: arithmetic.

#include "Formats/activations.h"
#include "Levels/kernels_table.h"

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

/// The levels that can run, a bit for each.
static int detect(void) {
    const uint32_t ymm_state = 0x6, zmm_state = 0xe6;
    const uint32_t avx2_1 = bit_FMA | bit_F16C | bit_AVX, avx2_7 = bit_AVX2, avx_vnni_71 = 1u << 4;
    const uint32_t avx512_7 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL, avx512_vnni_7 = bit_AVX512VNNI;

    int levels = 1 << TK_LEVEL_PORTABLE;
    uint32_t eax, ebx, ecx, edx;
    const uint32_t state = saved_state();
    if ((state & ymm_state) != ymm_state) return levels;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & avx2_1) != avx2_1) return levels;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (ebx & avx2_7) != avx2_7) return levels;
    levels |= 1 << TK_LEVEL_AVX2;
    if ((state & zmm_state) == zmm_state && (ebx & avx512_7) == avx512_7) {
        levels |= 1 << TK_LEVEL_AVX512;
        if (ecx & avx512_vnni_7) levels |= 1 << TK_LEVEL_AVX512_VNNI;
    }
    const uint32_t subleaves = eax;
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & avx_vnni_71)) {
        levels |= 1 << TK_LEVEL_AVX_VNNI;
    }
    return levels;
}

static const tk_kernels *const tables[] = {
    &tk_kernels_portable, &tk_kernels_avx2, &tk_kernels_avx_vnni, &tk_kernels_avx512, &tk_kernels_avx512_vnni};
#else
static int detect(void) {
    return 1 << TK_LEVEL_PORTABLE;
}

static const tk_kernels *const tables[] = {&tk_kernels_portable};
#endif

// The levels that can run, 0 while nobody has asked, and level + 1 of the one in use, 0 while nobody has forced one. Two
// threads that ask first store the same value.
static atomic_int supported, current;

static int supported_levels(void) {
    int levels = atomic_load_explicit(&supported, memory_order_relaxed);
    if (levels == 0) {
        levels = detect();
        atomic_store_explicit(&supported, levels, memory_order_relaxed);
    }
    return levels;
}

int tk_supports_level(tk_level level) {
    return supported_levels() >> level & 1;
}

tk_level tk_best_level(void) {
    return (tk_level)(31 - __builtin_clz((unsigned)supported_levels()));
}

tk_level tk_current_level(void) {
    const int level = atomic_load_explicit(&current, memory_order_relaxed);
    return level == 0 ? tk_best_level() : (tk_level)(level - 1);
}

int tk_set_level(tk_level level) {
    if (!tk_supports_level(level)) return -1;
    atomic_store_explicit(&current, (int)level + 1, memory_order_relaxed);
    return 0;
}

const tk_kernels *tk_current_kernels(void) {
    return tables[tk_current_level()];
}

// MARK: Forwarding

void tk_quantize(tk_quantized out, size_t columns, size_t token, size_t first, const float *x, size_t count) {
    const size_t width = tk_group_width(out, token);
    tk_quantized_block *block = tk_first_block(out, token, columns) + first / TK_BLOCK * width;
    tk_current_kernels()->quantize(block, width, x, count / TK_BLOCK);
}

void tk_matmul_float(
    tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
    size_t columns) {
    tk_current_kernels()->matmul_float(type, out, out_stride, panels, x, tokens, rows, columns);
}

void tk_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
    size_t rows, size_t columns) {
    tk_current_kernels()->matmul_quantized(type, out, out_stride, panels, x, first, count, rows, columns);
}

void tk_rms_norm(float *out, const float *x, const float *weight, size_t count, float epsilon) {
    tk_current_kernels()->rms_norm(out, x, weight, count, epsilon);
}

void tk_layer_norm(float *out, const float *x, const float *weight, const float *bias, size_t count, float epsilon) {
    tk_current_kernels()->layer_norm(out, x, weight, bias, count, epsilon);
}

void tk_add(float *x, const float *y, size_t count) {
    tk_current_kernels()->add(x, y, count);
}

void tk_scale(float *x, size_t count, float factor) {
    tk_current_kernels()->scale(x, count, factor);
}

void tk_softcap(float *x, size_t count, float cap) {
    tk_current_kernels()->softcap(x, count, cap);
}

void tk_silu_multiply(float *gate, const float *up, size_t count) {
    tk_current_kernels()->silu_multiply(gate, up, count);
}

void tk_gelu_tanh(float *x, size_t count) {
    tk_current_kernels()->gelu_tanh(x, count);
}

void tk_gelu_erf(float *x, size_t count) {
    tk_current_kernels()->gelu_erf(x, count);
}

void tk_clamped_swiglu(float *gate, const float *up, size_t count, float alpha, float limit) {
    tk_current_kernels()->clamped_swiglu(gate, up, count, alpha, limit);
}

void tk_add_scaled(float *x, const float *y, float factor, size_t count) {
    tk_current_kernels()->add_scaled(x, y, factor, count);
}

void tk_gelu_multiply(float *gate, const float *up, size_t count) {
    tk_current_kernels()->gelu_multiply(gate, up, count);
}

void tk_exp(float *x, size_t count, float shift) {
    tk_current_kernels()->exp(x, count, shift);
}

size_t tk_argmax(const float *x, size_t count) {
    return tk_current_kernels()->argmax(x, count);
}

double tk_log_sum_exp(const float *x, size_t count, float maximum) {
    if (isinf(maximum)) return (double)maximum;
    return (double)maximum + tk_log(tk_current_kernels()->sum_exp(x, count, maximum));
}

double tk_exp_scaled(float *out, const float *x, size_t count, float maximum, float temperature) {
    return tk_current_kernels()->exp_scaled(out, x, count, maximum, temperature);
}

size_t tk_find_above(const float *x, size_t start, size_t count, float bound) {
    return tk_current_kernels()->find_above(x, start, count, bound);
}

void tk_rope(
    float *x, size_t heads, size_t head_size, const float *cosines, const float *sines, size_t count,
    int paired_halves) {
    tk_current_kernels()->rope(x, heads, head_size, cosines, sines, count, paired_halves);
}
