// Quantizers of the types whose 4-bit codes name values that are not evenly spaced: IQ4_NL, IQ4_XS and MXFP4.
//
// Responsible for: blocks as files hold them (format: ggml `block_iq4_nl`, `block_iq4_xs`, `block_mxfp4`).
// Must not know: rows, tensors.

#include "Quantizers/quantizers.h"

static inline float value_of(uint8_t code) {
    return (float)tk_iq4_values[code];
}

/// The code whose value is nearest to x; the lower one of two equally near.
static inline uint8_t nearest(float x) {
    uint8_t code = 0;
    for (uint8_t c = 0; c < 15; c++) code += x > (value_of(c) + value_of(c + 1)) * 0.5f;
    return code;
}

static float code_book_error(const float *x, float scale) {
    const float inverse = scale != 0 ? 1 / scale : 0;
    float sum = 0;
    for (size_t i = 0; i < TK_BLOCK; i++) {
        const float error = scale * value_of(nearest(x[i] * inverse)) - x[i];
        sum += x[i] * x[i] * (error * error);
    }
    return sum;
}

/// The best scale of 32 elements; the error counts an element's square times, and guesses lie around extreme / -127
/// and extreme / 113.
static float search_code_book_scale(const float *x) {
    const float extreme = tk_extreme(x, TK_BLOCK);
    if (fabsf(extreme) < TK_SMALLEST_WEIGHT) return 0;
    float best = 0, best_gain = 0;
    for (int step = -14; step <= 14; step++) {
        const float target = step < 0 ? value_of(0) - (float)(step + 7) : value_of(15) + (float)(step - 7);
        const float inverse = target / extreme;
        float vx = 0, vv = 0;
        for (size_t i = 0; i < TK_BLOCK; i++) {
            const float value = value_of(nearest(x[i] * inverse)), weighted = x[i] * x[i] * value;
            vx += weighted * x[i];
            vv += weighted * value;
        }
        if (vv > 0 && vx * vx > best_gain * vv) {
            best = vx / vv;
            best_gain = vx * best;
        }
    }
    return best;
}

/// Byte i holds the codes of elements i and i + 16.
static void pack_codes(uint8_t *out, const float *x, float scale) {
    const float inverse = scale != 0 ? 1 / scale : 0;
    for (size_t i = 0; i < 16; i++) {
        out[i] = (uint8_t)(nearest(x[i] * inverse) | nearest(x[i + 16] * inverse) << 4);
    }
}

/// [scale] [16 bytes of codes]
void tk_quantize_iq4_nl(uint8_t *out, const float *x) {
    pack_codes(out + 2, x, tk_store_scale(out, search_code_book_scale(x)));
}

/// [scale] [2 bytes: high 2 bits of 8 scales] [4 bytes: their low 4 bits] [128 bytes of codes]; scales are stored + 32.
void tk_quantize_iq4_xs(uint8_t *out, const float *x) {
    float wanted[8];
    for (size_t b = 0; b < 8; b++) wanted[b] = search_code_book_scale(x + TK_BLOCK * b);
    const float super = tk_store_scale(out, tk_extreme(wanted, 8) / -32);
    uint16_t high = 0;
    memset(out + 4, 0, 4);
    for (size_t b = 0; b < 8; b++) {
        const float *block = x + TK_BLOCK * b;
        int best = 0;
        if (super != 0) {
            const float s = tk_code(wanted[b] / super, -32, 31);
            float best_error = INFINITY;
            for (int ds = -1; ds <= 1; ds++) {
                const float scale = s + (float)ds;
                if (scale < -32 || scale > 31) continue;
                const float error = code_book_error(block, super * scale);
                if (error < best_error) best_error = error, best = (int)scale;
            }
        }
        const int stored = best + 32;
        out[4 + b / 2] |= (uint8_t)((stored & 15) << 4 * (b % 2));
        high |= (uint16_t)((stored >> 4) << 2 * b);
        pack_codes(out + 8 + 16 * b, block, super * (float)best);
    }
    memcpy(out + 2, &high, 2);
}

/// [exponent e] [16 bytes of codes]: values are 2^(e - 127) times 0, 0.5, 1, 1.5, 2, 3, 4, 6 and, from code 8 on, the
/// same negative (OCP Microscaling Formats, version 1.0). The largest element lies between 4 and 8 times 2^(e - 127).
void tk_quantize_mxfp4(uint8_t *out, const float *x) {
    const uint32_t exponent = (tk_bits_of_float(tk_extreme(x, TK_BLOCK)) >> 23) & 0xff;
    const uint32_t e = exponent > 2 ? exponent - 2 : 0;
    out[0] = (uint8_t)e;
    // 2^(127 - e), which may be subnormal.
    const float inverse = e < 254 ? tk_float_of_bits((254 - e) << 23) : 0x1p-127f;
    uint8_t codes[TK_BLOCK];
    static const float middles[7] = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5};
    for (size_t i = 0; i < TK_BLOCK; i++) {
        const float magnitude = fabsf(x[i] * inverse);
        uint8_t code = 0;
        for (size_t c = 0; c < 7; c++) code += magnitude > middles[c];
        codes[i] = code == 0 ? 0 : (uint8_t)(code | (x[i] < 0 ? 8 : 0));
    }
    for (size_t i = 0; i < 16; i++) out[1 + i] = (uint8_t)(codes[i] | codes[i + 16] << 4);
}
