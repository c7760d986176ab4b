// The constants of the elementary functions, which every level computes in the same steps.
//
// Responsible for: the polynomials of exp and gelu.
// Must not know: who computes with how many at once.

#ifndef TANDEM_ELEMENTARY_H
#define TANDEM_ELEMENTARY_H

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

#endif
