// What the quantizers of stored weights share: rounding, scales as they are stored, and the two searches for a block's scale.
//
// Responsible for: plain IEEE arithmetic in a fixed order, so that every machine writes the same bytes.
// Must not know: how blocks lie in a file.

#ifndef TANDEM_QUANTIZERS_H
#define TANDEM_QUANTIZERS_H

#include "Formats/formats.h"

#include <math.h>

/// Nearest integer, ties to even, of |x| < 2^22.
static inline float tk_round_even(float x) {
    const float rounder = 0x1.8p23f;
    return (x + rounder) - rounder;
}

static inline float tk_limit(float x, float low, float high) {
    x = x > low ? x : low;
    return x < high ? x : high;
}

/// The code of x, whatever x is: rounded to even and kept within low...high.
static inline float tk_code(float x, float low, float high) {
    return tk_round_even(tk_limit(x, low, high));
}

/// A block's scale as it is stored: what is too large for half precision becomes the largest that is not.
static inline uint16_t tk_half_scale(float value) {
    return tk_half_of_float(tk_limit(value, -65504.0f, 65504.0f));
}

/// Stores a scale and returns what a reader will see.
static inline float tk_store_scale(uint8_t *out, float value) {
    const uint16_t half = tk_half_scale(value);
    memcpy(out, &half, 2);
    return tk_float_of_half(half);
}

/// The element of the largest magnitude, with its sign; the first of equals.
static inline float tk_extreme(const float *x, size_t count) {
    float extreme = 0, magnitude = 0;
    for (size_t i = 0; i < count; i++) {
        const float a = fabsf(x[i]);
        if (a > magnitude) magnitude = a, extreme = x[i];
    }
    return extreme;
}

/// Below it, a block counts as all zero: the reciprocal of its scale could overflow or lose bits.
#define TK_SMALLEST_WEIGHT 1e-15f

/// Compiles a function for wider registers too and picks at load time. The order of operations stays, so do the results.
#if defined(__x86_64__)
#define TK_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TK_WIDE
#endif

// MARK: Searches (quantize_search.c). count is 16 or 32.

/// x ≈ scale * q with q in -half...half - 1: the scale that makes the sum of weight * error^2 smallest among the least
/// squares solutions of 19 first guesses around extreme / -half.
float tk_search_scale(const float *x, const float *weight, size_t count, int half);

/// x ≈ scale * q - minimum with q in 0...top and minimum >= 0, in the same way.
typedef struct {
    float scale, minimum;
} tk_affine;

tk_affine tk_search_affine(const float *x, const float *weight, size_t count, int top);

/// The error that tk_search_scale makes small, of one choice: x ≈ scale * code(x / scale).
float tk_scale_error(const float *x, const float *weight, size_t count, int half, float scale);
/// The same of x ≈ scale * code((x + minimum) / scale) - minimum.
float tk_affine_error(const float *x, const float *weight, size_t count, int top, tk_affine choice);

// MARK: One block each: out is the block as a file holds it, x its finite elements

void tk_quantize_q2_k(uint8_t *out, const float *x);
void tk_quantize_q3_k(uint8_t *out, const float *x);
void tk_quantize_q4_k(uint8_t *out, const float *x);
void tk_quantize_q5_k(uint8_t *out, const float *x);
void tk_quantize_q6_k(uint8_t *out, const float *x);
void tk_quantize_iq4_nl(uint8_t *out, const float *x);
void tk_quantize_iq4_xs(uint8_t *out, const float *x);
void tk_quantize_mxfp4(uint8_t *out, const float *x);

#endif
