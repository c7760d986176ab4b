// Number formats bit by bit, and the order in which partial results are combined.
//
// Responsible for: the few definitions that every instruction set needs word for word.
// Must not know: blocks, rows, instruction sets.

#ifndef TANDEM_NUMBERS_H
#define TANDEM_NUMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights are little-endian, and so must be the processor"
#endif

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

static inline uint16_t tk_load_u16(const void *source) {
    uint16_t value;
    memcpy(&value, source, sizeof value);
    return value;
}

// MARK: 16 bits

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

/// IEEE single to half, ties to even; overflow becomes infinity, a NaN stays one.
static inline uint16_t tk_half_of_float(float value) {
    const uint32_t bits = tk_bits_of_float(value), magnitude = bits & 0x7fffffff;
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    if (magnitude > 0x7f800000) return sign | 0x7e00;
    if (magnitude >= 0x477ff000) return sign | 0x7c00;  // 65520 and above
    if (magnitude < 0x38800000) {  // below 2^-14: a multiple of 2^-24, which adding 1/2 rounds to
        return sign | (uint16_t)(tk_bits_of_float(tk_float_of_bits(magnitude) + 0.5f) - 0x3f000000);
    }
    return sign | (uint16_t)((magnitude + 0xfff + (magnitude >> 13 & 1) - 0x38000000) >> 13);
}

static inline float tk_float_of_bfloat(uint16_t value) {
    return tk_float_of_bits((uint32_t)value << 16);
}

/// IEEE single to bfloat, ties to even; a NaN stays one.
static inline uint16_t tk_bfloat_of_float(float value) {
    const uint32_t bits = tk_bits_of_float(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 64);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// MARK: Reductions

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

#endif
