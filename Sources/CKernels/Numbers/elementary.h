// The constants of the elementary functions, which every level computes in the same steps.
//
// Responsible for: the polynomials of exp and of both forms of gelu.
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

// The tail of the normal distribution above t >= 0: exp(-t^2 / 2) z R(z), z = 1 / (1 + P t). R is fitted to it for t up to
// 14.5, where exp(-t^2 / 2) ends, with a relative error of 1.4e-8. From TK_TAIL_END on it is 0.
#define TK_TAIL_END 20.0f
#define TK_TAIL_P 0x1.0f5c28p-2f
#define TK_TAIL_DEGREE 8
static const float tk_tail[TK_TAIL_DEGREE + 1] = {
    0x1.b11cd6p-4f, 0x1.af2c34p-4f, 0x1.a410dap-4f, 0x1.f2d9a4p-5f, 0x1.17aa6cp-3f, -0x1.d41efep-4f, 0x1.ba44aap-3f,
    -0x1.257b0ap-3f, 0x1.f5c0bcp-6f,
};

#endif
