// The elementary functions of the portable kernels: the definition of what `Vectors/vector_math.h` does to many numbers.
//
// Responsible for: exp, and what softcaps and activations make of it, one number at a time.
// Must not know: rows, instruction sets.

#ifndef TANDEM_SCALAR_ELEMENTARY_H
#define TANDEM_SCALAR_ELEMENTARY_H

#include "Numbers/elementary.h"
#include "Numbers/numbers.h"

static inline float exponential(float x) {
    // Comparisons are written so that NaN passes.
    x = TK_EXP_LOWEST > x ? TK_EXP_LOWEST : x;
    x = TK_EXP_HIGHEST < x ? TK_EXP_HIGHEST : x;
    const float shifted = __builtin_fmaf(x, TK_LOG2_E, TK_EXP_ROUNDER);
    const float n = shifted - TK_EXP_ROUNDER;
    float r = __builtin_fmaf(n, -TK_LN2_HIGH, x);
    r = __builtin_fmaf(n, -TK_LN2_LOW, r);
    float p = __builtin_fmaf(TK_EXP_C7, r, TK_EXP_C6);
    p = __builtin_fmaf(p, r, TK_EXP_C5);
    p = __builtin_fmaf(p, r, TK_EXP_C4);
    p = __builtin_fmaf(p, r, TK_EXP_C3);
    p = __builtin_fmaf(p, r, TK_EXP_C2);
    p = __builtin_fmaf(p, r, 1.0f);
    p = __builtin_fmaf(p, r, 1.0f);
    // 2^n in two factors, both normal numbers: results may be subnormal or infinite.
    const int32_t power = (int32_t)(tk_bits_of_float(shifted) - TK_EXP_ROUNDER_BITS);
    const int32_t half = power >> 1;
    p *= tk_float_of_bits(((uint32_t)half + 127) << 23);
    return p * tk_float_of_bits(((uint32_t)power - (uint32_t)half + 127) << 23);
}

static inline float capped(float x, float cap) {
    const float u = x / cap;
    return cap * (1.0f - 2.0f / (exponential(u + u) + 1.0f));
}

/// x / (1 + exp(-u)): silu where u is x.
static inline float gated(float x, float u) {
    return x / (1.0f + exponential(-u));
}

static inline float gelu(float x) {
    return gated(x, x * __builtin_fmaf(x * x, TK_GELU_C3, TK_GELU_C1));
}

/// x Phi(x) as max(x, 0) - t q(t), t = |x| up to TK_TAIL_END, q(t) the normal distribution's tail above t.
static inline float exact_gelu(float x) {
    // Comparisons are written so that NaN passes.
    const float magnitude = tk_float_of_bits(tk_bits_of_float(x) & 0x7fffffff);
    const float t = TK_TAIL_END < magnitude ? TK_TAIL_END : magnitude;
    const float z = 1.0f / __builtin_fmaf(t, TK_TAIL_P, 1.0f);
    float series = tk_tail[TK_TAIL_DEGREE];
    for (int k = TK_TAIL_DEGREE - 1; k >= 0; k--) series = __builtin_fmaf(series, z, tk_tail[k]);
    const float tail = exponential(-0.5f * (t * t)) * (series * z);
    return (0.0f > x ? 0.0f : x) - t * tail;
}

#endif
