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

/// Elements start..<end of a block.
typedef struct {
    size_t start, end;
} tk_span;

/// A query on its way through a segment: its state, and the positions of the block at work that it sees.
typedef struct {
    const float *query;
    float *acc;
    float maximum, sum;
    tk_span span;
} tk_attending;

/// Keys and values of one KV head in the block at work, `bytes` of each, and the keys of the next block that will be;
/// NULL: there is none.
typedef struct {
    const uint8_t *keys, *values, *next;
    size_t bytes;
} tk_kv_head;

/// One level's kernels; each member's contract is that of the `tk_` function of the same name.
typedef struct {
    /// Blocks of a token `distance` blocks apart.
    void (*quantize)(tk_quantized_block *out, size_t distance, const float *x, size_t blocks);
    void (*matmul_float)(
        tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
        size_t columns);
    void (*matmul_quantized)(
        tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
        size_t rows, size_t columns);
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
    /// One KV block: the states of some queries go on over their spans, none of which is empty.
    void (*attend)(const tk_attention_shape *shape, tk_attending *queries, size_t count, tk_kv_head head);
    /// x[i] = fma(x[i], a, y[i] * b).
    void (*merge)(float *x, const float *y, size_t count, float a, float b);
} tk_kernels;

/// Those of the level in use.
const tk_kernels *tk_current_kernels(void);

extern const tk_kernels tk_kernels_portable;

/// The kernel of the level in use.
size_t tk_find_above(const float *x, size_t start, size_t count, float bound);

#if defined(__x86_64__)
extern const tk_kernels tk_kernels_avx2;
extern const tk_kernels tk_kernels_avx_vnni;
extern const tk_kernels tk_kernels_avx512;
extern const tk_kernels tk_kernels_avx512_vnni;

// In files of their own.
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
    }
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

/// A block of activations that counts as all zero, or as none at all where a value is not finite.
static inline void tk_clear_block(tk_quantized_block *out, int is_finite) {
    memset(out, 0, sizeof *out);
    out->scale = out->scaled_sum = is_finite ? 0.0f : tk_float_of_bits(0x7fc00000);
}

/// The scale of a block whose largest magnitude is `amax`, and what follows from it and the sums of its halves.
static inline void tk_finish_block(tk_quantized_block *out, float amax) {
    const int32_t sum = out->halves[0] + out->halves[1];
    out->scale = amax / 127.0f;
    out->biased_sum = -128 * sum;
    out->scaled_sum = out->scale * (float)sum;
}

/// Tokens in the group that `token` belongs to.
static inline size_t tk_group_width(tk_quantized x, size_t token) {
    const size_t rest = x.tokens - token / TK_TOKEN_GROUP * TK_TOKEN_GROUP;
    return rest < TK_TOKEN_GROUP ? rest : TK_TOKEN_GROUP;
}

/// The block of a token's first 32 columns; those of its next 32 follow at distances of its group's width.
static inline tk_quantized_block *tk_first_block(tk_quantized x, size_t token, size_t columns) {
    const size_t place = token % TK_TOKEN_GROUP;
    return x.blocks + (token - place) * (columns / TK_BLOCK) + place;
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

/// Scales of a head's key or value in Q8_0.
static inline size_t tk_kv_scales(size_t head_size) {
    return (head_size + 31) / 32;
}

/// Bytes of the keys, or the values, of one KV head in a block.
static inline size_t tk_kv_head_bytes(tk_kv_type type, size_t head_size) {
    switch (type) {
    case TK_KV_F32: return 4 * TK_KV_BLOCK * head_size;
    case TK_KV_F16: return 2 * TK_KV_BLOCK * head_size;
    default: return TK_KV_BLOCK * (head_size + 2 * tk_kv_scales(head_size));
    }
}

#endif
