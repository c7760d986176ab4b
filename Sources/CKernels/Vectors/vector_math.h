// Reductions and elementary functions for one vector width: a template over vectors_*.h, which stands before it.
//
// Responsible for: the results of `tk_reduce` and of the functions in Numbers/scalar_elementary.h, bit for bit.
// Must not know: which instructions there are, who asks.

#ifndef TANDEM_VECTOR_MATH_H
#define TANDEM_VECTOR_MATH_H

#include "Numbers/elementary.h"

/// The tree of `tk_reduce`.
INLINE float reduce(const floats partial[VECTORS]) {
    floats sum = partial[0];
    for (size_t v = 1; v < VECTORS; v++) sum = sum + partial[v];
    return sum_of_lanes(sum);
}

INLINE floats exponential(floats x) {
    x = larger(all_floats(TK_EXP_LOWEST), x);  // NaN passes
    x = smaller(all_floats(TK_EXP_HIGHEST), x);
    const floats rounder = all_floats(TK_EXP_ROUNDER), one = all_floats(1);
    const floats shifted = multiply_add(x, all_floats(TK_LOG2_E), rounder);
    const floats n = shifted - rounder;
    floats r = multiply_add(n, all_floats(-TK_LN2_HIGH), x);
    r = multiply_add(n, all_floats(-TK_LN2_LOW), r);
    floats p = multiply_add(all_floats(TK_EXP_C7), r, all_floats(TK_EXP_C6));
    p = multiply_add(p, r, all_floats(TK_EXP_C5));
    p = multiply_add(p, r, all_floats(TK_EXP_C4));
    p = multiply_add(p, r, all_floats(TK_EXP_C3));
    p = multiply_add(p, r, all_floats(TK_EXP_C2));
    p = multiply_add(p, r, one);
    p = multiply_add(p, r, one);
    // 2^n in two factors, both normal numbers: results may be subnormal or infinite.
    const vector bias = all_lanes(127), power = subtract_lanes(bits_of_floats(shifted), all_lanes(TK_EXP_ROUNDER_BITS));
    const vector half = shift_right_signed(power, 1), rest = subtract_lanes(power, half);
    p = p * floats_of_bits(shift_left_32(add_lanes(half, bias), 23));
    return p * floats_of_bits(shift_left_32(add_lanes(rest, bias), 23));
}

INLINE floats capped(floats x, float cap) {
    const floats u = x / all_floats(cap), one = all_floats(1);
    return all_floats(cap) * (one - all_floats(2) / (exponential(u + u) + one));
}

/// x / (1 + exp(-u)): silu where u is x.
INLINE floats gated(floats x, floats u) {
    return x / (all_floats(1) + exponential(-u));
}

INLINE floats gelu(floats x) {
    return gated(x, x * multiply_add(x * x, all_floats(TK_GELU_C3), all_floats(TK_GELU_C1)));
}

INLINE floats exact_gelu(floats x) {
    const floats t = smaller(all_floats(TK_TAIL_END), floats_of_bits(bits_of_floats(x) & all_lanes(0x7fffffff)));
    const floats z = all_floats(1) / multiply_add(t, all_floats(TK_TAIL_P), all_floats(1));
    floats series = all_floats(tk_tail[TK_TAIL_DEGREE]);
    for (int k = TK_TAIL_DEGREE - 1; k >= 0; k--) series = multiply_add(series, z, all_floats(tk_tail[k]));
    const floats tail = exponential(all_floats(-0.5f) * (t * t)) * (series * z);
    return larger(all_floats(0), x) - t * tail;
}

#endif
