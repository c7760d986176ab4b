// Reading quantized panels into vectors, for one vector width: a template that quantized_dots.h and quantized_pairs.h
// include.
//
// Responsible for: the layout of every type: 4 columns of 16 rows as bytes, and the scales beside them.
// Must not know: how they are multiplied. The file that includes it defines, before it does:
//  VECTORS            vectors of 4-byte lanes that hold the 16 rows of a panel (lane = row)
//  vector, floats     vectors of integers and of floats, and the functions on them that are used here
//  SIGNED_BIAS        what `signed_quants` adds to quants of -128...127: 0, or 128 where products are unsigned
//  sub_scale          a sub-scale as sums of products are multiplied by it

#include "Formats/formats.h"

/// What is known beside the quants of 32 columns of 16 rows.
typedef struct {
    floats scale[VECTORS];
    /// As many as `tk_offset_count` says.
    floats offset[2][VECTORS];
    /// Only with sub-scales: what `sub_scale` makes of them.
    vector sub[2][VECTORS];
    /// Only with sub-scales: pairs of int16, -bias * sub[0] and -bias * sub[1].
    vector correction[VECTORS];
} part_scales;

/// 32 columns of 16 rows, unpacked.
typedef struct {
    uint8_t quants[8][4 * TK_PANEL_ROWS];
    part_scales scales;
} unpacked_part;

/// Where the quants of a part are.
typedef struct {
    /// The panel's block; NULL: unpacked.
    const uint8_t *block;
    size_t part;
    const unpacked_part *unpacked;
} part_source;

// MARK: Types

INLINE size_t block_parts(tk_type type) {
    switch (type) {
    case TK_Q2_K:
    case TK_Q3_K:
    case TK_Q4_K:
    case TK_Q5_K:
    case TK_Q6_K:
    case TK_IQ4_XS: return TK_BLOCK_PARTS_LIMIT;
    default: return 1;
    }
}

/// What `load_quants` adds to the quants of the type, where it adds anything.
INLINE int quant_bias(tk_type type) {
    switch (type) {
    case TK_Q4_0: return SIGNED_BIAS ? SIGNED_BIAS : 8;
    case TK_Q5_0:
    case TK_MXFP4: return SIGNED_BIAS ? SIGNED_BIAS : 16;
    case TK_Q3_K: return 4;
    case TK_Q6_K: return 32;
    case TK_Q8_0:
    case TK_IQ4_NL:
    case TK_IQ4_XS: return SIGNED_BIAS;
    default: return 0;
    }
}

/// True where `load_quants` gives -128...127 rather than unsigned numbers.
INLINE int has_signed_quants(tk_type type) {
    return SIGNED_BIAS == 0 && (type == TK_Q8_0 || type == TK_IQ4_NL || type == TK_IQ4_XS);
}

// MARK: Quants

/// Unit `unit` of 4 bytes of the field at byte `offset` of the file's block, for the rows of vector v.
INLINE vector load_unit(const uint8_t *block, size_t offset, size_t unit, size_t v) {
    return load_vector(block + (offset + 4 * unit) * TK_PANEL_ROWS + v * sizeof(vector));
}

/// (unit >> shift) & mask in each byte.
INLINE vector load_bits(const uint8_t *block, size_t offset, size_t unit, size_t v, size_t shift, uint8_t mask) {
    return shift_right_16(load_unit(block, offset, unit, v), (int)shift) & all_bytes(mask);
}

/// Columns 4 group... of the 32 nibbles of 16 bytes: the low ones, then the high ones.
INLINE vector load_nibbles(const uint8_t *block, size_t offset, size_t group, size_t v) {
    return load_bits(block, offset, group % 4, v, group / 4 * 4, 15);
}

/// Bits 4 group ..< 4 group + 4 of the 32-bit unit at `offset`, each as 16 in a byte of its own.
INLINE vector load_fifth_bits(const uint8_t *block, size_t offset, size_t group, size_t v) {
    const vector from = all_lanes(0x01010101u * (uint32_t)(group / 2));
    const vector spread = shuffle_bytes(load_unit(block, offset, 0, v), from | repeat_16_bytes(tk_lane_starts));
    return sixteen_where(spread, all_lanes(group % 2 ? 0x80402010u : 0x08040201u));
}

/// Quants that count from -bias as `quant_bias` wants them.
INLINE vector rebased(tk_type type, vector quants, int bias) {
    return quant_bias(type) == bias ? quants : add_bytes(quants, all_bytes((uint8_t)(quant_bias(type) - bias)));
}

/// Columns 4 group... of a part for the rows of vector v: bytes [rows][4], quants + bias.
INLINE vector load_quants(tk_type type, const uint8_t *block, size_t part, size_t group, size_t v) {
    const size_t pair_shift = 2 * (part % 4), chunk = part / 4 * 8 + group;
    switch (type) {
    case TK_Q8_0: return signed_quants(load_unit(block, 2, group, v));
    case TK_Q4_0: return rebased(type, load_nibbles(block, 2, group, v), 8);
    case TK_Q4_1: return load_nibbles(block, 4, group, v);
    case TK_Q5_0: return rebased(type, load_nibbles(block, 6, group, v) | load_fifth_bits(block, 2, group, v), 16);
    case TK_Q5_1: return load_nibbles(block, 8, group, v) | load_fifth_bits(block, 4, group, v);
    case TK_IQ4_NL: return signed_quants(look_up(tk_iq4_values, load_nibbles(block, 2, group, v)));
    case TK_IQ4_XS: return signed_quants(look_up(tk_iq4_values, load_nibbles(block, 8 + 16 * part, group, v)));
    case TK_MXFP4: return rebased(type, look_up(tk_mxfp4_biased_values, load_nibbles(block, 1, group, v)), 16);
    case TK_Q2_K: return load_bits(block, 16, chunk, v, pair_shift, 3);
    case TK_Q3_K:
        return load_bits(block, 32, chunk, v, pair_shift, 3)
            | shift_left_16(load_bits(block, 0, group, v, part, 1), 2);
    case TK_Q4_K: return load_bits(block, 16, part / 2 * 8 + group, v, part % 2 * 4, 15);
    case TK_Q5_K:
        return load_bits(block, 48, part / 2 * 8 + group, v, part % 2 * 4, 15)
            | shift_left_16(load_bits(block, 16, group, v, part, 1), 4);
    default:  // Q6_K
        return load_bits(block, 0, part / 4 * 16 + part % 2 * 8 + group, v, part % 4 / 2 * 4, 15)
            | shift_left_16(load_bits(block, 128, chunk, v, pair_shift, 3), 4);
    }
}

INLINE vector quants_of(tk_type type, part_source from, size_t group, size_t v) {
    if (!from.block) return load_vector(from.unpacked->quants[group] + v * sizeof(vector));
    return load_quants(type, from.block, from.part, group, v);
}

// MARK: Scales

/// The scales of a block of 256 columns with their bits put together: in each lane bytes, one for each sub-block.
typedef struct {
    floats scale[VECTORS], minimum[VECTORS];
    /// Q2_K, Q3_K, Q6_K: of 16 columns. Q4_K, Q5_K: [0] and [1] scales, [2] and [3] minima of 32 columns.
    /// IQ4_XS: [0] the low nibbles, [1] the high bits.
    vector units[4][VECTORS];
} block_scales;

/// The f16 at byte `offset` of the file's block.
INLINE floats load_halves(const uint8_t *block, size_t offset, size_t v) {
    return widen_halves(block + offset * TK_PANEL_ROWS + v * sizeof(vector) / 2);
}

INLINE block_scales load_block_scales(tk_type type, const uint8_t *block) {
    block_scales out;
    for (size_t v = 0; v < VECTORS; v++) {
        vector *units[4] = {&out.units[0][v], &out.units[1][v], &out.units[2][v], &out.units[3][v]};
        switch (type) {
        case TK_Q2_K:
            out.scale[v] = load_halves(block, 80, v);
            out.minimum[v] = load_halves(block, 82, v);
            for (size_t i = 0; i < 4; i++) *units[i] = load_unit(block, 0, i, v);
            break;
        case TK_Q3_K:
            out.scale[v] = load_halves(block, 108, v);
            for (size_t i = 0; i < 4; i++) {
                const vector low = load_bits(block, 96, i % 2, v, i / 2 * 4, 15);
                const vector high = shift_left_16(load_bits(block, 96, 2, v, 2 * i, 3), 4);
                *units[i] = subtract_bytes(low | high, all_bytes(32));
            }
            break;
        case TK_Q4_K:
        case TK_Q5_K: {
            out.scale[v] = load_halves(block, 0, v);
            out.minimum[v] = load_halves(block, 2, v);
            const vector scales = load_unit(block, 4, 0, v), minima = load_unit(block, 4, 1, v);
            const vector six = all_bytes(63), top = all_bytes(48);
            *units[0] = scales & six;
            *units[1] = load_bits(block, 4, 2, v, 0, 15) | (shift_right_16(scales, 2) & top);
            *units[2] = minima & six;
            *units[3] = load_bits(block, 4, 2, v, 4, 15) | (shift_right_16(minima, 2) & top);
            break;
        }
        case TK_Q6_K:
            out.scale[v] = load_halves(block, 208, v);
            for (size_t i = 0; i < 4; i++) *units[i] = load_unit(block, 192, i, v);
            break;
        case TK_IQ4_XS:
            out.scale[v] = load_halves(block, 0, v);
            *units[0] = load_unit(block, 4, 0, v);
            *units[1] = widen_shorts(block + 2 * TK_PANEL_ROWS + v * sizeof(vector) / 2);
            break;
        case TK_MXFP4: out.scale[v] = widen_exponents(block + v * sizeof(vector) / 4); break;
        case TK_Q4_1:
        case TK_Q5_1:
            out.scale[v] = load_halves(block, 0, v);
            out.minimum[v] = load_halves(block, 2, v);
            break;
        default: out.scale[v] = load_halves(block, 0, v);
        }
    }
    return out;
}

/// Bits `shift` ..< of each lane as a float.
INLINE floats bits_as_float(vector lanes, size_t shift, uint32_t mask) {
    return float_of_lanes(shift_right_32(lanes, (int)shift) & all_lanes(mask));
}

INLINE part_scales scales_of_part(tk_type type, const block_scales *block, size_t part) {
    part_scales out;
    const size_t byte = 8 * (part % 4), pair = part % 2 * 2;
    for (size_t v = 0; v < VECTORS; v++) {
        out.scale[v] = block->scale[v];
        switch (type) {
        case TK_Q4_1:
        case TK_Q5_1: out.offset[0][v] = block->minimum[v]; break;
        case TK_Q4_K:
        case TK_Q5_K:
            out.scale[v] *= bits_as_float(block->units[part / 4][v], byte, 255);
            out.offset[0][v] = -(block->minimum[v] * bits_as_float(block->units[2 + part / 4][v], byte, 255));
            break;
        case TK_IQ4_XS: {
            const vector low = shift_right_32(block->units[0][v], (int)(4 * part)) & all_lanes(15);
            const vector high = shift_right_32(block->units[1][v], (int)(2 * part)) & all_lanes(3);
            out.scale[v] *= float_of_lanes(subtract_lanes(low | shift_left_16(high, 4), all_lanes(32)));
            break;
        }
        case TK_Q2_K:
            for (size_t h = 0; h < 2; h++) {
                const vector unit = block->units[part / 2][v];
                out.sub[h][v] = sub_scale(unit & all_bytes(15), pair + h);
                out.offset[h][v] = -(block->minimum[v] * bits_as_float(unit, 8 * (pair + h) + 4, 15));
            }
            break;
        case TK_Q3_K:
        case TK_Q6_K:
            for (size_t h = 0; h < 2; h++) out.sub[h][v] = sub_scale(block->units[part / 2][v], pair + h);
            out.correction[v] = multiply_shorts(
                pair_of_bytes(block->units[part / 2][v], pair, pair + 1), all_shorts(-quant_bias(type)));
            break;
        default: break;
        }
    }
    return out;
}

/// What makes up for the bias of the quants in the sums of a token's products.
INLINE vector bias_correction(tk_type type, const part_scales *scales, size_t v, const tk_quantized_block *x) {
    if (quant_bias(type) == 0) return zeros();
    if (tk_has_sub_scales(type)) return multiply_pairs(scales->correction[v], broadcast_4_bytes(x->halves));
    const vector biased_sum = broadcast_4_bytes(&x->biased_sum);
    return quant_bias(type) == 128 ? biased_sum : shift_right_signed(biased_sum, quant_bias(type) == 8 ? 4 : 3);
}
