// The exact sums of products where the processor adds two products of bytes to 16 bits (no VNNI): a template that the
// files of such levels include after their vectors.
//
// Responsible for: `sum_products` of quantized_products.h, without ever saturating.
// Must not know: layouts, the width of vectors.

/// The signs of quants move over to the activations, so signed quants need no bias.
#define SIGNED_BIAS 0

INLINE vector signed_quants(vector quants) { return quants; }
/// What a sum of products is multiplied by: a pair of equal int16.
INLINE vector sub_scale(vector unit, size_t index) { return pair_of_bytes(unit, index, index); }

#include "Products/quantized_panels.h"

/// Groups of 4 columns whose sums of two products, added up, stay within 16 bits: |x| <= 127.
INLINE size_t groups_at_once(tk_type type) {
    switch (type) {
    case TK_Q4_0:
    case TK_Q4_1:
    case TK_Q4_K: return 8;  // 16 * 15 * 127 = 30,480
    case TK_Q5_0:
    case TK_Q5_1:
    case TK_Q5_K:            // 8 * 31 * 127 = 31,496
    case TK_MXFP4:           // 8 * 28 * 127 = 28,448
    case TK_Q2_K:            // the next 4 have another sub-scale
    case TK_Q3_K: return 4;
    case TK_Q6_K: return 2;  // 4 * 63 * 127 = 32,004
    default: return 1;       // 2 * 128 * 127 = 32,512
    }
}

/// pairs[t][v] += the sums of two products of group `group`; x [tokens].
INLINE void add_pairs(
    tk_type type, size_t tokens, vector pairs[][VECTORS], part_source from, size_t group,
    const tk_quantized_block *x) {
    vector quants[VECTORS], magnitudes[VECTORS];
    for (size_t v = 0; v < VECTORS; v++) {
        quants[v] = quants_of(type, from, group, v);
        magnitudes[v] = has_signed_quants(type) ? magnitudes_of_bytes(quants[v]) : quants[v];
    }
    for (size_t t = 0; t < tokens; t++) {
        const vector value = broadcast_4_bytes(x[t].quants + 4 * group);
        for (size_t v = 0; v < VECTORS; v++) {
            const vector signed_value = has_signed_quants(type) ? signed_like(value, quants[v]) : value;
            pairs[t][v] = add_shorts(pairs[t][v], multiply_byte_pairs(magnitudes[v], signed_value));
        }
    }
}

/// dots[t][v] += (sub-scale) * (quant + bias) * x of `count` groups from `first` on, and of those 4 after them where
/// 8 groups go together. The first groups (number 0) begin with the correction for the bias.
INLINE void add_groups(
    tk_type type, size_t tokens, vector dots[][VECTORS], part_source from, const part_scales *scales,
    const tk_quantized_block *x, size_t first, size_t count) {
    vector pairs[TILE_LIMIT][VECTORS];
    for (size_t t = 0; t < tokens; t++) {
        for (size_t v = 0; v < VECTORS; v++) pairs[t][v] = zeros();
    }
    if (tokens == 1 || count < 4) {
        for (size_t g = first; g < first + count; g++) add_pairs(type, tokens, pairs, from, g, x);
    } else {
#pragma clang loop unroll(disable)  // unrolled, its vectors would not fit the registers
        for (size_t g = first; g < first + count; g++) {
            add_pairs(type, tokens, pairs, from, g, x);
            if (groups_at_once(type) == 8) add_pairs(type, tokens, pairs, from, g + 4, x);
        }
    }
    for (size_t t = 0; t < tokens; t++) {
        for (size_t v = 0; v < VECTORS; v++) {
            const vector before =
                first > 0 ? dots[t][v] : bias_correction(type, scales, v, x + t);
            const vector factor = tk_has_sub_scales(type) ? scales->sub[first / 4][v] : all_shorts(1);
            dots[t][v] = add_lanes(before, multiply_pairs(pairs[t][v], factor));
        }
    }
}

/// dots[t][v]: sums over a part of (sub-scale) * quant * x of the rows of v and token t; x [tokens].
INLINE void sum_products(
    tk_type type, size_t tokens, vector dots[][VECTORS], part_source from, const part_scales *scales,
    const tk_quantized_block *x) {
    const size_t step = groups_at_once(type), begin = step < 4 || tokens == 1 ? step : 4;
    add_groups(type, tokens, dots, from, scales, x, 0, begin);
    if (tokens == 1 || step >= 4) {
        for (size_t g = step; g < 8; g += step) {
            add_groups(type, tokens, dots, from, scales, x, g, step);
        }
    } else {
#pragma clang loop unroll(disable)
        for (size_t g = step; g < 8; g += step) {
            add_groups(type, tokens, dots, from, scales, x, g, step);
        }
    }
}
