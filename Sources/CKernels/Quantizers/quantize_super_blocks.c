// Quantizers of the K types: super-blocks of 256 elements whose blocks of 16 or 32 have scales of a few bits each.
//
// Responsible for: Q2_K, Q3_K, Q4_K, Q5_K and Q6_K as files hold them (format: ggml `block_q2_K` and so on).
// Must not know: rows, tensors.

#include "Quantizers/quantizers.h"

// MARK: Blocks with a minimum: Q2_K, Q4_K, Q5_K

/// A super-block's two scales and, for each of its blocks, their multiples.
typedef struct {
    float scale, minimum;
    uint8_t scales[16], minimums[16];
} affine_super_block;

/// How much an element counts: large ones matter more, none is forgotten.
static void weigh(float *weight, const float *x, size_t count, float share) {
    float sum = 0;
    for (size_t i = 0; i < count; i++) sum += x[i] * x[i];
    const float typical = share * sqrtf(sum / (float)count);
    for (size_t i = 0; i < count; i++) weight[i] = typical + fabsf(x[i]);
}

/// Chooses scales and minimums of 256 / count blocks, which are multiples in 0...limit of two stored scales, and stores
/// these at `stored`. Each multiple is then moved to where the error is smallest.
static affine_super_block choose_affine(
    uint8_t *stored, const float *x, size_t count, int top, int limit, float share) {
    const size_t blocks = TK_SUPER_BLOCK / count;
    float weight[TK_SUPER_BLOCK], highest_scale = 0, highest_minimum = 0;
    tk_affine wanted[16];
    for (size_t b = 0; b < blocks; b++) {
        weigh(weight + b * count, x + b * count, count, share);
        wanted[b] = tk_search_affine(x + b * count, weight + b * count, count, top);
        highest_scale = wanted[b].scale > highest_scale ? wanted[b].scale : highest_scale;
        highest_minimum = wanted[b].minimum > highest_minimum ? wanted[b].minimum : highest_minimum;
    }
    affine_super_block super = {0};
    super.scale = tk_store_scale(stored, highest_scale / (float)limit);
    super.minimum = tk_store_scale(stored + 2, highest_minimum / (float)limit);
    for (size_t b = 0; b < blocks; b++) {
        const float s = super.scale > 0 ? tk_code(wanted[b].scale / super.scale, 0, (float)limit) : 0;
        const float m = super.minimum > 0 ? tk_code(wanted[b].minimum / super.minimum, 0, (float)limit) : 0;
        float best_error = INFINITY;
        for (int ds = -1; ds <= 1; ds++) {
            for (int dm = -1; dm <= 1; dm++) {
                const float scale = s + (float)ds, minimum = m + (float)dm;
                if (scale < 0 || minimum < 0 || scale > (float)limit || minimum > (float)limit) continue;
                const tk_affine choice = {super.scale * scale, super.minimum * minimum};
                const float error = tk_affine_error(x + b * count, weight + b * count, count, top, choice);
                if (error < best_error) {
                    best_error = error;
                    super.scales[b] = (uint8_t)scale;
                    super.minimums[b] = (uint8_t)minimum;
                }
            }
        }
    }
    return super;
}

static void affine_codes(
    uint8_t codes[TK_SUPER_BLOCK], const float *x, size_t count, int top, const affine_super_block *super) {
    for (size_t i = 0; i < TK_SUPER_BLOCK; i++) {
        const float scale = super->scale * (float)super->scales[i / count];
        const float minimum = super->minimum * (float)super->minimums[i / count];
        codes[i] = scale > 0 ? (uint8_t)tk_code((x[i] + minimum) * (1 / scale), 0, (float)top) : 0;
    }
}

/// Codes of 2 bits: byte l of each half holds elements l, l + 32, l + 64 and l + 96 of it.
static void pack_two_bits(uint8_t *out, const uint8_t codes[TK_SUPER_BLOCK]) {
    for (size_t half = 0; half < 2; half++) {
        const uint8_t *c = codes + 128 * half;
        for (size_t l = 0; l < 32; l++) {
            out[32 * half + l] = (uint8_t)(c[l] | c[l + 32] << 2 | c[l + 64] << 4 | c[l + 96] << 6);
        }
    }
}

/// [16 bytes: scale | minimum << 4] [64 bytes of codes] [scale] [minimum]
void tk_quantize_q2_k(uint8_t *out, const float *x) {
    uint8_t codes[TK_SUPER_BLOCK];
    const affine_super_block super = choose_affine(out + 80, x, 16, 3, 15, 0);
    affine_codes(codes, x, 16, 3, &super);
    for (size_t b = 0; b < 16; b++) out[b] = (uint8_t)(super.scales[b] | super.minimums[b] << 4);
    pack_two_bits(out + 16, codes);
}

/// Eight pairs of 6 bits in 12 bytes.
static void pack_six_bit_pairs(uint8_t *out, const affine_super_block *super) {
    for (size_t b = 0; b < 4; b++) {
        const uint8_t s = super->scales[b + 4], m = super->minimums[b + 4];
        out[b] = (uint8_t)(super->scales[b] | s >> 4 << 6);
        out[b + 4] = (uint8_t)(super->minimums[b] | m >> 4 << 6);
        out[b + 8] = (uint8_t)((s & 15) | m << 4);
    }
}

/// Codes of 4 bits: byte l of each quarter holds its elements l and l + 32. Bits above are left out.
static void pack_four_bits(uint8_t *out, const uint8_t codes[TK_SUPER_BLOCK]) {
    for (size_t quarter = 0; quarter < 4; quarter++) {
        const uint8_t *c = codes + 64 * quarter;
        for (size_t l = 0; l < 32; l++) out[32 * quarter + l] = (uint8_t)((c[l] & 15) | c[l + 32] << 4);
    }
}

/// [scale] [minimum] [12 bytes of 6-bit pairs] [128 bytes of codes]
void tk_quantize_q4_k(uint8_t *out, const float *x) {
    uint8_t codes[TK_SUPER_BLOCK];
    const affine_super_block super = choose_affine(out, x, 32, 15, 63, 1);
    affine_codes(codes, x, 32, 15, &super);
    pack_six_bit_pairs(out + 4, &super);
    pack_four_bits(out + 16, codes);
}

/// [scale] [minimum] [12 bytes of 6-bit pairs] [32 bytes of fifth bits] [128 bytes of low bits]
void tk_quantize_q5_k(uint8_t *out, const float *x) {
    uint8_t codes[TK_SUPER_BLOCK];
    const affine_super_block super = choose_affine(out, x, 32, 31, 63, 1);
    affine_codes(codes, x, 32, 31, &super);
    pack_six_bit_pairs(out + 4, &super);
    for (size_t l = 0; l < 32; l++) {
        uint8_t bits = 0;
        for (size_t b = 0; b < 8; b++) bits |= (uint8_t)(codes[32 * b + l] >> 4 << b);
        out[16 + l] = bits;
    }
    pack_four_bits(out + 48, codes);
}

// MARK: Blocks around zero: Q3_K, Q6_K

/// Chooses the scales of 16 blocks of 16, multiples in -limit...limit - 1 of the stored scale, in the same way.
static float choose_scales(uint8_t *stored, int8_t scales[16], const float *x, int half, int limit) {
    float weight[TK_SUPER_BLOCK], wanted[16];
    for (size_t i = 0; i < TK_SUPER_BLOCK; i++) weight[i] = x[i] * x[i];
    for (size_t b = 0; b < 16; b++) wanted[b] = tk_search_scale(x + 16 * b, weight + 16 * b, 16, half);
    const float super = tk_store_scale(stored, tk_extreme(wanted, 16) / (float)-limit);
    for (size_t b = 0; b < 16; b++) {
        scales[b] = 0;
        if (super == 0) continue;
        const float s = tk_code(wanted[b] / super, (float)-limit, (float)(limit - 1));
        float best_error = INFINITY;
        for (int ds = -1; ds <= 1; ds++) {
            const float scale = s + (float)ds;
            if (scale < (float)-limit || scale > (float)(limit - 1)) continue;
            const float error = tk_scale_error(x + 16 * b, weight + 16 * b, 16, half, super * scale);
            if (error < best_error) best_error = error, scales[b] = (int8_t)scale;
        }
    }
    return super;
}

/// Codes from 0 on: the value is scale * (code - half).
static void shifted_codes(
    uint8_t codes[TK_SUPER_BLOCK], const float *x, int half, float super, const int8_t scales[16]) {
    for (size_t i = 0; i < TK_SUPER_BLOCK; i++) {
        const float scale = super * (float)scales[i / 16];
        const float inverse = scale != 0 ? 1 / scale : 0;
        codes[i] = (uint8_t)(tk_code(x[i] * inverse, (float)-half, (float)(half - 1)) + (float)half);
    }
}

/// [32 bytes of third bits] [64 bytes of low bits] [12 bytes: 16 scales of 6 bits, each + 32] [scale]
void tk_quantize_q3_k(uint8_t *out, const float *x) {
    int8_t scales[16];
    uint8_t codes[TK_SUPER_BLOCK];
    const float super = choose_scales(out + 108, scales, x, 4, 32);
    shifted_codes(codes, x, 4, super, scales);
    for (size_t l = 0; l < 32; l++) {
        uint8_t bits = 0;
        for (size_t b = 0; b < 8; b++) bits |= (uint8_t)(codes[32 * b + l] >> 2 << b);
        out[l] = bits;
    }
    for (size_t i = 0; i < TK_SUPER_BLOCK; i++) codes[i] &= 3;
    pack_two_bits(out + 32, codes);
    uint8_t *packed = out + 96;
    memset(packed, 0, 12);
    for (size_t b = 0; b < 16; b++) {
        const int stored = scales[b] + 32;
        packed[b % 8] |= (uint8_t)((stored & 15) << (b < 8 ? 0 : 4));
        packed[8 + b % 4] |= (uint8_t)(stored >> 4 << 2 * (b / 4));
    }
}

/// [128 bytes of low bits] [64 bytes of high bits] [16 scales] [scale]
void tk_quantize_q6_k(uint8_t *out, const float *x) {
    int8_t scales[16];
    uint8_t codes[TK_SUPER_BLOCK], high[TK_SUPER_BLOCK];
    const float super = choose_scales(out + 208, scales, x, 32, 128);
    shifted_codes(codes, x, 32, super, scales);
    for (size_t half = 0; half < 2; half++) {
        const uint8_t *c = codes + 128 * half;
        for (size_t l = 0; l < 64; l++) out[64 * half + l] = (uint8_t)((c[l] & 15) | c[l + 64] << 4);
    }
    for (size_t i = 0; i < TK_SUPER_BLOCK; i++) high[i] = codes[i] >> 4;
    pack_two_bits(out + 128, high);
    memcpy(out + 192, scales, 16);
}
