// Quantized activations: where a token's blocks lie, and what follows from a block's quants.
//
// Responsible for: what every level needs word for word.
// Must not know: instruction sets; what activations are multiplied by.

#ifndef TANDEM_ACTIVATIONS_H
#define TANDEM_ACTIVATIONS_H

#include "Numbers/numbers.h"
#include "kernels.h"

/// Below it, a block of activations counts as all zero: 127 / amax could overflow.
#define TK_QUANTIZE_SMALLEST 0x1p-120f

/// A block of activations that counts as all zero, or as none at all where a value is not finite.
static inline void tk_clear_block(tk_quantized_block *out, int is_finite) {
    memset(out, 0, sizeof *out);
    out->scale = out->scaled_sum = is_finite ? 0.0f : tk_float_of_bits(0x7fc00000);
}

/// The scale of a block whose largest magnitude is `amax`, and what follows from it and the sums of its halves.
static inline void tk_finish_block(tk_quantized_block *out, float amax) {
    const int32_t sum = out->halves[0] + out->halves[1];
    out->scale = amax / 127.0f;
    out->biased_sum = -128 * sum;
    out->scaled_sum = out->scale * (float)sum;
}

/// Tokens in the group that `token` belongs to.
static inline size_t tk_group_width(tk_quantized x, size_t token) {
    const size_t rest = x.tokens - token / TK_TOKEN_GROUP * TK_TOKEN_GROUP;
    return rest < TK_TOKEN_GROUP ? rest : TK_TOKEN_GROUP;
}

/// The block of a token's first 32 columns; those of its next 32 follow at distances of its group's width.
static inline tk_quantized_block *tk_first_block(tk_quantized x, size_t token, size_t columns) {
    const size_t place = token % TK_TOKEN_GROUP;
    return x.blocks + (token - place) * (columns / TK_BLOCK) + place;
}

#endif
