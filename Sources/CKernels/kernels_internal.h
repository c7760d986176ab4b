// What the files of this target share: the table of a level's kernels, number formats, and the order of a reduction.
//
// Responsible for: the few definitions that every instruction set needs word for word.
// Must not know: which level is in use.

#ifndef TANDEM_KERNELS_INTERNAL_H
#define TANDEM_KERNELS_INTERNAL_H

#include "kernels.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights are little-endian, and so must be the processor"
#endif

/// One level's kernels; each member's contract is that of the `tk_` function of the same name.
typedef struct {
    void (*quantize)(tk_quantized out, const float *x, size_t tokens, size_t columns);
    void (*matmul_float)(
        tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
        size_t columns);
    void (*matmul_quantized)(
        tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t tokens, size_t rows,
        size_t columns);
    void (*rms_norm)(float *out, const float *x, const float *weight, size_t count, float epsilon);
    void (*layer_norm)(
        float *out, const float *x, const float *weight, const float *bias, size_t count, float epsilon);
    void (*add)(float *x, const float *y, size_t count);
    void (*scale)(float *x, size_t count, float factor);
    void (*softcap)(float *x, size_t count, float cap);
    void (*silu_multiply)(float *gate, const float *up, size_t count);
    void (*gelu_tanh)(float *x, size_t count);
    void (*clamped_swiglu)(float *gate, const float *up, size_t count, float alpha, float limit);
    void (*add_scaled)(float *x, const float *y, float factor, size_t count);
    void (*gelu_multiply)(float *gate, const float *up, size_t count);
    void (*exp)(float *x, size_t count, float shift);
    size_t (*argmax)(const float *x, size_t count);
    /// The reduction over 16 double partials of exp(x[i] - shift); shift is not infinite.
    double (*sum_exp)(const float *x, size_t count, float shift);
    double (*exp_scaled)(float *out, const float *x, size_t count, float maximum, float temperature);
    /// The first index from `start` on whose value is above `bound`; count where there is none.
    size_t (*find_above)(const float *x, size_t start, size_t count, float bound);
    void (*rope)(
        float *x, size_t heads, size_t head_size, const float *cosines, const float *sines, size_t count,
        int paired_halves);
    void (*attention)(
        float *out, const float *query, const float *const *blocks, size_t kv_head, size_t kv_heads,
        size_t head_size, tk_attention_rules rules);
} tk_kernels;

extern const tk_kernels tk_kernels_portable;

/// The kernel of the level in use.
size_t tk_find_above(const float *x, size_t start, size_t count, float bound);

#if defined(__x86_64__)
extern const tk_kernels tk_kernels_avx2;
extern const tk_kernels tk_kernels_avx512;

// In files of their own.
void tk_avx2_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t tokens, size_t rows,
    size_t columns);
void tk_avx512_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t tokens, size_t rows,
    size_t columns);

// Kernels that wider vectors do not speed up: AVX-512 uses those of AVX2.
void tk_avx2_quantize(tk_quantized out, const float *x, size_t tokens, size_t columns);
void tk_avx2_add(float *x, const float *y, size_t count);
void tk_avx2_clamped_swiglu(float *gate, const float *up, size_t count, float alpha, float limit);
void tk_avx2_add_scaled(float *x, const float *y, float factor, size_t count);
void tk_avx2_scale(float *x, size_t count, float factor);
void tk_avx2_rope(
    float *x, size_t heads, size_t head_size, const float *cosines, const float *sines, size_t count,
    int paired_halves);
#endif

// exp(x) = 2^n exp(r), n = round(x log2(e)), r = x - n ln 2; exp(r) is its Taylor series up to r^7 / 7! (|r| <= 0.347,
// so the rest is below 0.1 ulp). Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
#define TK_EXP_LOWEST (-105.0f)
#define TK_EXP_HIGHEST 90.0f
#define TK_EXP_ROUNDER 12582912.0f
#define TK_EXP_ROUNDER_BITS 0x4B400000
#define TK_LOG2_E 0x1.715476p+0f
#define TK_LN2_HIGH 0x1.62e430p-1f
#define TK_LN2_LOW (-0x1.05c610p-29f)
#define TK_EXP_C7 (1.0f / 5040)
#define TK_EXP_C6 (1.0f / 720)
#define TK_EXP_C5 (1.0f / 120)
#define TK_EXP_C4 (1.0f / 24)
#define TK_EXP_C3 (1.0f / 6)
#define TK_EXP_C2 0.5f

// gelu(x) = x / (1 + exp(-x (C1 + C3 x^2))).
#define TK_GELU_C1 1.5957691216057308f
#define TK_GELU_C3 0.07135481627260025f

/// Below it, a block of activations counts as all zero: 127 / amax could overflow.
#define TK_QUANTIZE_SMALLEST 0x1p-120f

static inline float tk_float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t tk_bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/// IEEE half to single, exact; signalling NaNs become quiet, as F16C does it.
static inline float tk_float_of_half(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    const uint32_t exponent = (half >> 10) & 0x1f, mantissa = half & 0x3ff;
    if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24
        const float magnitude = (float)mantissa * 0x1p-24f;
        return tk_float_of_bits(tk_bits_of_float(magnitude) | sign);
    }
    if (exponent == 31) {
        return tk_float_of_bits(sign | 0x7f800000 | mantissa << 13 | (mantissa != 0 ? 0x400000 : 0));
    }
    return tk_float_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

static inline float tk_float_of_bfloat(uint16_t value) {
    return tk_float_of_bits((uint32_t)value << 16);
}

static inline uint16_t tk_load_u16(const void *source) {
    uint16_t value;
    memcpy(&value, source, sizeof value);
    return value;
}

/// The sum of a block's 32 quants.
static inline int32_t tk_sum_of_block(tk_half_sums sums) {
    return sums.first + sums.second;
}

/// The tree that combines 16 partial results.
static inline float tk_reduce(float partial[16]) {
    for (size_t width = 8; width > 0; width /= 2) {
        for (size_t j = 0; j < width; j++) partial[j] += partial[j + width];
    }
    return partial[0];
}

static inline double tk_reduce_double(double partial[16]) {
    for (size_t width = 8; width > 0; width /= 2) {
        for (size_t j = 0; j < width; j++) partial[j] += partial[j + width];
    }
    return partial[0];
}

/// Splits `count` tokens into as few tiles as `limit` allows, of nearly equal size: the next one's.
static inline size_t tk_next_tile(size_t count, size_t limit) {
    const size_t tiles = (count + limit - 1) / limit;
    return (count + tiles - 1) / tiles;
}

/// Where the keys [head_size][32] and values [32][head_size] of one KV head begin in a block.
static inline const float *tk_keys(const float *block, size_t kv_head, size_t head_size) {
    return block + kv_head * head_size * TK_KV_BLOCK;
}

static inline const float *tk_values(const float *block, size_t kv_head, size_t kv_heads, size_t head_size) {
    return block + (kv_heads + kv_head) * head_size * TK_KV_BLOCK;
}

/// Elements start..<end of a block.
typedef struct {
    size_t start, end;
} tk_span;

/// The positions of block `b` that a query sees.
static inline tk_span tk_span_of_block(tk_attention_rules rules, size_t b) {
    const size_t base = b * TK_KV_BLOCK, rest = rules.positions - base;
    return (tk_span){
        .start = rules.first > base ? rules.first - base : 0, .end = rest < TK_KV_BLOCK ? rest : TK_KV_BLOCK};
}

#endif
