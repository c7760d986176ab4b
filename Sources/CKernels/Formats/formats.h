// The block formats of quantized tensors, as ggml writes them: where the fields of a block lie and what they mean.
//
// Responsible for: the one definition of every format that packing, dequantization and the portable product share.
// Must not know: instruction sets; how panels are multiplied.

#ifndef TANDEM_FORMATS_H
#define TANDEM_FORMATS_H

#include "Numbers/numbers.h"
#include "kernels.h"

/// Columns of the largest block, and the number of 32-column parts it has.
#define TK_SUPER_BLOCK 256
#define TK_BLOCK_PARTS_LIMIT (TK_SUPER_BLOCK / TK_BLOCK)
/// Bytes of the largest block (Q6_K).
#define TK_BLOCK_BYTES_LIMIT 210

/// `count` consecutive units of `size` bytes.
typedef struct {
    uint8_t size, count;
} tk_units;

/// The sizes of a type's block, and the units in which panels interleave it, in the order of the file.
typedef struct {
    uint16_t columns, bytes;
    tk_units units[5];
} tk_format;

/// Of each quantized type, by its number.
extern const tk_format tk_formats[];

/// 32 columns of one row, decoded: weight = (scale * sub[column / 16]) * quant + offset[column / 16].
typedef struct {
    float scale;
    /// 1 where the type has no integer scales of 16 columns.
    int16_t sub[2];
    /// Only where `tk_offset_count` is not 0. With one offset both are equal.
    float offset[2];
    int8_t quants[TK_BLOCK];
} tk_part;

/// Decodes part `part` (columns 32 part ..< 32 part + 32) of a block in the file's format.
void tk_decode_part(tk_type type, tk_part *out, const uint8_t *block, size_t part);

/// Copies row `row` of a panel's block back into the file's format.
void tk_extract_block(tk_type type, uint8_t *block, const uint8_t *panel_block, size_t row);

/// Offsets of 32 columns of a row: none, one, or one for each half.
static inline size_t tk_offset_count(tk_type type) {
    switch (type) {
    case TK_Q4_1:
    case TK_Q5_1:
    case TK_Q4_K:
    case TK_Q5_K: return 1;
    case TK_Q2_K: return 2;
    default: return 0;
    }
}

/// True where each 16 columns have an integer scale of their own.
static inline int tk_has_sub_scales(tk_type type) {
    return type == TK_Q2_K || type == TK_Q3_K || type == TK_Q6_K;
}

/// An MXFP4 exponent as half the power of two it stands for (quants are doubled): 2^(exponent - 128).
static inline float tk_float_of_e8m0_half(uint8_t exponent) {
    return tk_float_of_bits(exponent < 2 ? 0x00200000u << exponent : (uint32_t)(exponent - 1) << 23);
}

/// The scale (0...63) and minimum (0...63) of part `part` among the 12 bytes of a Q4_K or Q5_K block: the low 6 bits of
/// the bytes 0-3 and 4-7 are those of the parts 0-3; the nibbles of the bytes 8-11 are the low bits of those of the
/// parts 4-7, whose high bits are the two highest of the bytes 0-7.
static inline void tk_decode_scale_min(const uint8_t *bytes, size_t part, uint8_t *scale, uint8_t *minimum) {
    if (part < 4) {
        *scale = bytes[part] & 63;
        *minimum = bytes[part + 4] & 63;
    } else {
        *scale = (uint8_t)((bytes[part + 4] & 15) | bytes[part - 4] >> 6 << 4);
        *minimum = (uint8_t)(bytes[part + 4] >> 4 | bytes[part] >> 6 << 4);
    }
}

/// The scale (-32...31) of sub-block `index` (0..<16) among the 12 bytes of a Q3_K block: the low nibbles of the bytes
/// 0-7, then their high nibbles, with two more bits each from the bytes 8-11.
static inline int16_t tk_decode_q3_scale(const uint8_t *bytes, size_t index) {
    const int low = index < 8 ? bytes[index] & 15 : bytes[index - 8] >> 4;
    const int high = bytes[8 + index % 4] >> (2 * (index / 4)) & 3;
    return (int16_t)((low | high << 4) - 32);
}

/// What the nibbles of IQ4_NL and IQ4_XS stand for.
static const int8_t tk_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
/// What the nibbles of MXFP4 (E2M1) stand for, doubled.
static const int8_t tk_mxfp4_values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
/// The same plus 16.
static const int8_t tk_mxfp4_biased_values[16] = {16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4};

/// Expands EACH(name) for every quantized type.
#define TK_QUANTIZED_TYPES(EACH) \
    EACH(Q8_0) EACH(Q4_0) EACH(Q4_1) EACH(Q5_0) EACH(Q5_1) EACH(Q2_K) EACH(Q3_K) EACH(Q4_K) EACH(Q5_K) EACH(Q6_K) \
    EACH(IQ4_NL) EACH(IQ4_XS) EACH(MXFP4)

#endif
