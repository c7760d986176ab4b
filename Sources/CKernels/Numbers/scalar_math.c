// Scalar double-precision mathematics, one number at a time: log, and the frequencies and angles of rotary positions.
//
// Responsible for: elementary functions in plain IEEE arithmetic (no fma, no libm), so that every machine agrees.
// Must not know: instruction sets.

#include "kernels.h"

#include <math.h>
#include <string.h>

static const double ln2_high = 0x1.62e42fef8p-1;  // 34 bits: n * ln2_high is exact
static const double ln2_low = 0x1.1cf79abc9e3b4p-36;

static inline uint64_t bits_of_double(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double double_of_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/// x = 2^n m with sqrt(1/2) <= m < sqrt(2); with f = m - 1 and s = f / (2 + f), log(m) = 2 atanh(s)
/// = 2 s (1 + s^2 / 3 + s^4 / 5 + ...). 2 s is written as f - s f, whose first term is exact.
double tk_log(double x) {
    if (isnan(x) || x < 0) return NAN;
    if (x == 0) return -INFINITY;
    if (isinf(x)) return x;
    int n = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        n = -54;
    }
    const uint64_t bits = bits_of_double(x);
    n += (int)(bits >> 52) - 1023;
    double m = double_of_bits((bits & 0xfffffffffffff) | 0x3ff0000000000000);
    if (m >= 0x1.6a09e667f3bcdp+0) {
        m *= 0.5;
        n += 1;
    }
    const double f = m - 1, s = f / (2 + f), z = s * s;
    double series = 1.0 / 21;
    for (int k = 19; k >= 3; k -= 2) series = series * z + 1.0 / k;
    return n * ln2_high + (f - (s * (f - 2 * z * series) - n * ln2_low));
}

/// exp(x) = 2^n exp(r), |r| <= ln 2 / 2, by the Taylor series up to r^13. For |x| <= 700; beyond, the bound's value.
static double exponential(double x) {
    x = x > -700 ? x : -700;  // NaN too
    x = x < 700 ? x : 700;
    const double rounder = 0x1.8p52;  // adding it rounds to an integer
    const double n = (x * 0x1.71547652b82fep+0 + rounder) - rounder;
    const double r = (x - n * ln2_high) - n * ln2_low;
    double p = 1;
    for (int k = 13; k >= 1; k--) p = p * r / k + 1;
    return p * double_of_bits((uint64_t)((int64_t)n + 1023) << 52);
}

double tk_power(double base, double exponent) {
    return exponential(exponent * tk_log(base));
}

void tk_rope_frequencies(float *frequencies, size_t dimensions, double base) {
    const double log_base = tk_log(base);
    for (size_t i = 0; i < dimensions / 2; i++) {
        const float exponent = (float)(2 * i) / (float)dimensions;
        frequencies[i] = 1.0f / (float)exponential((double)exponent * log_base);
    }
}

/// sin and cos of r, |r| <= pi / 4, by their Taylor series (the rest is below 2^-54).
static double sine(double r) {
    const double z = r * r;
    double p = 1;
    for (int k = 14; k >= 2; k -= 2) p = 1 - p * z / (k * (k + 1));
    return r * p;
}

static double cosine(double r) {
    const double z = r * r;
    double p = 1;
    for (int k = 15; k >= 1; k -= 2) p = 1 - p * z / (k * (k + 1));
    return p;
}

void tk_rope_angles(float *cosines, float *sines, const float *frequencies, size_t count, uint32_t position) {
    // pi / 2 in three parts; the first two have 29 bits, so that their products with a quadrant below 2^24 are exact.
    const double part1 = 0x1.921fb54p+0, part2 = 0x1.10b4611p-30, part3 = 0x1.4c4c6628b80dcp-59;
    const double rounder = 0x1.8p52;
    for (size_t i = 0; i < count; i++) {
        const double angle = (double)((float)position * frequencies[i]);
        const double quadrant = (angle * 0x1.45f306dc9c883p-1 + rounder) - rounder;
        const double r = ((angle - quadrant * part1) - quadrant * part2) - quadrant * part3;
        const double s = sine(r), c = cosine(r);
        double turned_sine = s, turned_cosine = c;
        switch (bits_of_double(quadrant + rounder) & 3) {
        case 1: turned_sine = c, turned_cosine = -s; break;
        case 2: turned_sine = -s, turned_cosine = -c; break;
        case 3: turned_sine = -c, turned_cosine = s; break;
        default: break;
        }
        sines[i] = (float)turned_sine;
        cosines[i] = (float)turned_cosine;
    }
}
