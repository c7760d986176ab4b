// Quantizers of stored weights: rows of floats into the blocks of a file, one type after the other.
//
// Responsible for: `tk_quantize_row`, and the types without a search, byte for byte as ggml's reference writes them.
// Must not know: tensors, threads.

#include "Quantizers/quantizers.h"

// MARK: Types of one scale a block

/// A code of the simple types: x + 0.5 without its fraction, at most top; x >= 0 up to rounding.
static inline uint8_t truncated(float x, float top) {
    return (uint8_t)tk_limit(x, 0, top);
}

/// Nearest integer, ties away from zero, of |x| <= 127.
static inline int8_t rounded(float x) {
    const int whole = (int)x;
    const float rest = x - (float)whole;
    return (int8_t)(whole + (rest >= 0.5f) - (rest <= -0.5f));
}

static void quantize_q8_0(uint8_t *out, const float *x) {
    const float scale = fabsf(tk_extreme(x, TK_BLOCK)) / 127, inverse = scale != 0 ? 1 / scale : 0;
    tk_store_scale(out, scale);
    for (size_t i = 0; i < TK_BLOCK; i++) out[2 + i] = (uint8_t)rounded(tk_limit(x[i] * inverse, -127, 127));
}

/// Byte i holds the low 4 bits of codes i and i + 16.
static void pack_nibbles(uint8_t *out, const uint8_t codes[TK_BLOCK]) {
    for (size_t i = 0; i < 16; i++) out[i] = (uint8_t)((codes[i] & 15) | codes[i + 16] << 4);
}

/// Bit i of 32 is the fifth bit of code i.
static void pack_fifth_bits(uint8_t *out, const uint8_t codes[TK_BLOCK]) {
    uint32_t bits = 0;
    for (size_t i = 0; i < TK_BLOCK; i++) bits |= (uint32_t)(codes[i] >> 4) << i;
    memcpy(out, &bits, 4);
}

/// Codes 0..<2 half: the extreme element gets code 0. Returns the codes of x / scale + half.
static void symmetric_codes(uint8_t *out, uint8_t codes[TK_BLOCK], const float *x, float half) {
    const float scale = tk_extreme(x, TK_BLOCK) / -half, inverse = scale != 0 ? 1 / scale : 0;
    tk_store_scale(out, scale);
    for (size_t i = 0; i < TK_BLOCK; i++) codes[i] = truncated(x[i] * inverse + (half + 0.5f), 2 * half - 1);
}

/// Codes 0...top of (x - minimum) / scale; stores scale and minimum.
static void range_codes(uint8_t *out, uint8_t codes[TK_BLOCK], const float *x, float top) {
    float low = x[0], high = x[0];
    for (size_t i = 1; i < TK_BLOCK; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    const float scale = (high - low) / top, inverse = scale != 0 ? 1 / scale : 0;
    tk_store_scale(out, scale);
    tk_store_scale(out + 2, low);
    for (size_t i = 0; i < TK_BLOCK; i++) codes[i] = truncated((x[i] - low) * inverse + 0.5f, top);
}

static void quantize_q4_0(uint8_t *out, const float *x) {
    uint8_t codes[TK_BLOCK];
    symmetric_codes(out, codes, x, 8);
    pack_nibbles(out + 2, codes);
}

static void quantize_q4_1(uint8_t *out, const float *x) {
    uint8_t codes[TK_BLOCK];
    range_codes(out, codes, x, 15);
    pack_nibbles(out + 4, codes);
}

static void quantize_q5_0(uint8_t *out, const float *x) {
    uint8_t codes[TK_BLOCK];
    symmetric_codes(out, codes, x, 16);
    pack_fifth_bits(out + 2, codes);
    pack_nibbles(out + 6, codes);
}

static void quantize_q5_1(uint8_t *out, const float *x) {
    uint8_t codes[TK_BLOCK];
    range_codes(out, codes, x, 31);
    pack_fifth_bits(out + 4, codes);
    pack_nibbles(out + 8, codes);
}

// MARK: Rows

/// Makes one block of finite elements.
typedef void (*block_quantizer)(uint8_t *out, const float *x);

static block_quantizer quantizer_of(tk_type type) {
    switch (type) {
    case TK_Q8_0: return quantize_q8_0;
    case TK_Q4_0: return quantize_q4_0;
    case TK_Q4_1: return quantize_q4_1;
    case TK_Q5_0: return quantize_q5_0;
    case TK_Q5_1: return quantize_q5_1;
    case TK_Q2_K: return tk_quantize_q2_k;
    case TK_Q3_K: return tk_quantize_q3_k;
    case TK_Q4_K: return tk_quantize_q4_k;
    case TK_Q5_K: return tk_quantize_q5_k;
    case TK_Q6_K: return tk_quantize_q6_k;
    case TK_IQ4_NL: return tk_quantize_iq4_nl;
    case TK_IQ4_XS: return tk_quantize_iq4_xs;
    case TK_MXFP4: return tk_quantize_mxfp4;
    case TK_F32:
    case TK_F16:
    case TK_BF16: break;
    }
    return 0;
}

static void convert_floats(tk_type type, void *out, const float *x, size_t columns) {
    if (type == TK_F32) {
        memcpy(out, x, columns * sizeof *x);
        return;
    }
    for (size_t c = 0; c < columns; c++) {
        const uint16_t value = type == TK_F16 ? tk_half_of_float(x[c]) : tk_bfloat_of_float(x[c]);
        memcpy((uint8_t *)out + 2 * c, &value, 2);
    }
}

void tk_quantize_row(tk_type type, void *out, const float *x, size_t columns) {
    const block_quantizer quantize = quantizer_of(type);
    if (quantize == 0) {
        convert_floats(type, out, x, columns);
        return;
    }
    const size_t elements = tk_block_columns(type), bytes = tk_block_bytes(type);
    float block[TK_SUPER_BLOCK];
    for (size_t b = 0; b < columns / elements; b++) {
        for (size_t i = 0; i < elements; i++) {
            const float value = x[b * elements + i];
            block[i] = isfinite(value) ? value : 0;
        }
        quantize((uint8_t *)out + b * bytes, block);
    }
}

int tk_all_finite(const float *x, size_t count) {
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) found |= (tk_bits_of_float(x[i]) & 0x7f800000) == 0x7f800000;
    return !found;
}
