// The exact sums of products where the processor adds four products of bytes to a lane at once (VNNI): a template that
// the files of such levels include after their vectors.
//
// Responsible for: `sum_products` of quantized_products.h.
// Must not know: layouts, the width of vectors.

/// Products are of unsigned and signed bytes: signed quants count from -128, and so do all others that have a bias.
#define SIGNED_BIAS 128

INLINE vector signed_quants(vector quants) { return quants ^ all_bytes(0x80); }
/// What a sum of products is multiplied by.
INLINE vector sub_scale(vector unit, size_t index) { return byte_of_lanes(unit, index); }

#include "Products/quantized_panels.h"

/// dots[t]: sums over a part of (sub-scale) * quant * x of 16 rows and token t; x [tokens].
INLINE void sum_products(
    tk_type type, size_t tokens, vector dots[][VECTORS], part_source from, const part_scales *scales,
    const tk_quantized_block *x) {
    const int is_scaled = tk_has_sub_scales(type);
    for (size_t t = 0; t < tokens; t++) {
        for (size_t v = 0; v < VECTORS; v++) dots[t][v] = bias_correction(type, scales, v, x + t);
    }
    for (size_t first = 0; first < 8; first += 4) {
        vector sums[TILE_LIMIT][VECTORS];
        for (size_t t = 0; t < tokens; t++) {
            for (size_t v = 0; v < VECTORS; v++) sums[t][v] = is_scaled ? zeros() : dots[t][v];
        }
        for (size_t g = first; g < first + 4; g++) {
            vector quants[VECTORS];
            for (size_t v = 0; v < VECTORS; v++) quants[v] = quants_of(type, from, g, v);
            for (size_t t = 0; t < tokens; t++) {
                const vector values = broadcast_4_bytes(x[t].quants + 4 * g);
                for (size_t v = 0; v < VECTORS; v++) sums[t][v] = add_products(sums[t][v], quants[v], values);
            }
        }
        for (size_t t = 0; t < tokens; t++) {
            for (size_t v = 0; v < VECTORS; v++) {
                const vector scaled = multiply_lanes(sums[t][v], scales->sub[first / 4][v]);
                dots[t][v] = is_scaled ? add_lanes(dots[t][v], scaled) : sums[t][v];
            }
        }
    }
}
