// Decoding blocks of quantized tensors: formats.h in code, element by element.
//
// Responsible for: the values that a file's bytes stand for (source: ggml's block structures; equal bit for bit to the
// dequantizers of ggml and of its Python package `gguf`).
// Must not know: instruction sets.

#include "Formats/formats.h"

const tk_format tk_formats[] = {
    [TK_Q4_0] = {32, 18, {{2, 1}, {4, 4}}},                       // scale, nibbles
    [TK_Q4_1] = {32, 20, {{2, 2}, {4, 4}}},                       // scale, minimum, nibbles
    [TK_Q5_0] = {32, 22, {{2, 1}, {4, 1}, {4, 4}}},               // scale, high bits, nibbles
    [TK_Q5_1] = {32, 24, {{2, 2}, {4, 1}, {4, 4}}},               // scale, minimum, high bits, nibbles
    [TK_Q8_0] = {32, 34, {{2, 1}, {4, 8}}},                       // scale, quants
    [TK_Q2_K] = {256, 84, {{4, 4}, {4, 16}, {2, 2}}},             // scales and minima, quants, scale, minimum
    [TK_Q3_K] = {256, 110, {{4, 8}, {4, 16}, {4, 3}, {2, 1}}},    // high bits, quants, scales, scale
    [TK_Q4_K] = {256, 144, {{2, 2}, {4, 3}, {4, 32}}},            // scale, minimum, scales and minima, nibbles
    [TK_Q5_K] = {256, 176, {{2, 2}, {4, 3}, {4, 8}, {4, 32}}},    // the same with high bits before the nibbles
    [TK_Q6_K] = {256, 210, {{4, 32}, {4, 16}, {4, 4}, {2, 1}}},   // nibbles, high bits, scales, scale
    [TK_IQ4_NL] = {32, 18, {{2, 1}, {4, 4}}},                     // scale, nibbles
    [TK_IQ4_XS] = {256, 136, {{2, 2}, {4, 1}, {4, 32}}},          // scale, high and low bits of scales, nibbles
    [TK_MXFP4] = {32, 17, {{1, 1}, {4, 4}}},                      // exponent, nibbles
};

size_t tk_block_columns(tk_type type) {
    return type <= TK_BF16 ? 1 : tk_formats[type].columns;
}

size_t tk_block_bytes(tk_type type) {
    if (type <= TK_BF16) return type == TK_F32 ? 4 : 2;
    return tk_formats[type].bytes;
}

// MARK: Fields

static float half_at(const uint8_t *source) {
    return tk_float_of_half(tk_load_u16(source));
}

/// Nibble i of 32: the low ones of 16 bytes, then the high ones.
static int nibble(const uint8_t *bytes, size_t i) {
    return i < 16 ? bytes[i] & 15 : bytes[i - 16] >> 4;
}

static int bit(const uint8_t *bytes, size_t i) {
    return bytes[i / 8] >> (i % 8) & 1;
}

static void set_offsets(tk_part *out, float offset) {
    out->offset[0] = out->offset[1] = offset;
}

// MARK: Blocks of 256 columns

static void decode_q2_k(tk_part *out, const uint8_t *block, size_t part) {
    const uint8_t *scales = block + 2 * part, *quants = block + 16 + part / 4 * 32;
    const float minimum = half_at(block + 82);
    out->scale = half_at(block + 80);
    for (size_t h = 0; h < 2; h++) {
        out->sub[h] = scales[h] & 15;
        out->offset[h] = -(minimum * (float)(scales[h] >> 4));
    }
    for (size_t i = 0; i < TK_BLOCK; i++) out->quants[i] = quants[i] >> (2 * (part % 4)) & 3;
}

static void decode_q3_k(tk_part *out, const uint8_t *block, size_t part) {
    const uint8_t *quants = block + 32 + part / 4 * 32, *scales = block + 96;
    out->scale = half_at(block + 108);
    for (size_t h = 0; h < 2; h++) out->sub[h] = tk_decode_q3_scale(scales, 2 * part + h);
    for (size_t i = 0; i < TK_BLOCK; i++) {
        const int high = block[i] >> part & 1;
        out->quants[i] = (int8_t)((quants[i] >> (2 * (part % 4)) & 3) | high << 2) - 4;
    }
}

/// Q4_K, and with `high_bits` Q5_K.
static void decode_q45_k(
    tk_part *out, const uint8_t *block, const uint8_t *high_bits, const uint8_t *nibbles, size_t part) {
    uint8_t scale, minimum;
    tk_decode_scale_min(block + 4, part, &scale, &minimum);
    out->scale = half_at(block) * (float)scale;
    set_offsets(out, -(half_at(block + 2) * (float)minimum));
    for (size_t i = 0; i < TK_BLOCK; i++) {
        const int high = high_bits ? high_bits[i] >> part & 1 : 0;
        out->quants[i] = (int8_t)((nibbles[part / 2 * 32 + i] >> (4 * (part % 2)) & 15) | high << 4);
    }
}

static void decode_q6_k(tk_part *out, const uint8_t *block, size_t part) {
    const size_t quarter = part % 4;
    const uint8_t *low = block + part / 4 * 64 + quarter % 2 * 32, *high = block + 128 + part / 4 * 32;
    out->scale = half_at(block + 208);
    for (size_t h = 0; h < 2; h++) out->sub[h] = (int8_t)block[192 + 2 * part + h];
    for (size_t i = 0; i < TK_BLOCK; i++) {
        const int quant = (low[i] >> (quarter / 2 * 4) & 15) | (high[i] >> (2 * quarter) & 3) << 4;
        out->quants[i] = (int8_t)(quant - 32);
    }
}

static void decode_iq4_xs(tk_part *out, const uint8_t *block, size_t part) {
    const int low = block[4 + part / 2] >> (4 * (part % 2)) & 15, high = tk_load_u16(block + 2) >> (2 * part) & 3;
    out->scale = half_at(block) * (float)((low | high << 4) - 32);
    for (size_t i = 0; i < TK_BLOCK; i++) out->quants[i] = tk_iq4_values[nibble(block + 8 + 16 * part, i)];
}

// MARK: All types

void tk_decode_part(tk_type type, tk_part *out, const uint8_t *block, size_t part) {
    out->sub[0] = out->sub[1] = 1;
    switch (type) {
    case TK_Q2_K: decode_q2_k(out, block, part); return;
    case TK_Q3_K: decode_q3_k(out, block, part); return;
    case TK_Q4_K: decode_q45_k(out, block, NULL, block + 16, part); return;
    case TK_Q5_K: decode_q45_k(out, block, block + 16, block + 48, part); return;
    case TK_Q6_K: decode_q6_k(out, block, part); return;
    case TK_IQ4_XS: decode_iq4_xs(out, block, part); return;
    case TK_MXFP4:
        out->scale = tk_float_of_e8m0_half(block[0]);
        for (size_t i = 0; i < TK_BLOCK; i++) out->quants[i] = tk_mxfp4_values[nibble(block + 1, i)];
        return;
    default: break;
    }
    out->scale = half_at(block);
    switch (type) {
    case TK_Q4_0:
        for (size_t i = 0; i < TK_BLOCK; i++) out->quants[i] = (int8_t)(nibble(block + 2, i) - 8);
        break;
    case TK_Q4_1:
        set_offsets(out, half_at(block + 2));
        for (size_t i = 0; i < TK_BLOCK; i++) out->quants[i] = (int8_t)nibble(block + 4, i);
        break;
    case TK_Q5_0:
        for (size_t i = 0; i < TK_BLOCK; i++) {
            out->quants[i] = (int8_t)((nibble(block + 6, i) | bit(block + 2, i) << 4) - 16);
        }
        break;
    case TK_Q5_1:
        set_offsets(out, half_at(block + 2));
        for (size_t i = 0; i < TK_BLOCK; i++) {
            out->quants[i] = (int8_t)(nibble(block + 8, i) | bit(block + 4, i) << 4);
        }
        break;
    case TK_IQ4_NL:
        for (size_t i = 0; i < TK_BLOCK; i++) out->quants[i] = tk_iq4_values[nibble(block + 2, i)];
        break;
    default: memcpy(out->quants, block + 2, TK_BLOCK);  // Q8_0
    }
}

/// The columns of one block in the file's format.
static void dequantize_block(tk_type type, float *out, const uint8_t *block) {
    const size_t offsets = tk_offset_count(type);
    for (size_t p = 0; p < tk_formats[type].columns / TK_BLOCK; p++, out += TK_BLOCK) {
        tk_part part;
        tk_decode_part(type, &part, block, p);
        for (size_t i = 0; i < TK_BLOCK; i++) {
            out[i] = part.scale * (float)part.sub[i / 16] * (float)part.quants[i];
            if (offsets > 0) out[i] += part.offset[i / 16];
        }
    }
}

void tk_dequantize_row(tk_type type, float *out, const void *source, size_t columns) {
    const uint8_t *bytes = source;
    switch (type) {
    case TK_F32: memcpy(out, source, columns * sizeof(float)); break;
    case TK_F16:
        for (size_t c = 0; c < columns; c++) out[c] = half_at(bytes + 2 * c);
        break;
    case TK_BF16:
        for (size_t c = 0; c < columns; c++) out[c] = tk_float_of_bfloat(tk_load_u16(bytes + 2 * c));
        break;
    default: {
        const tk_format *format = &tk_formats[type];
        for (size_t c = 0; c < columns; c += format->columns, bytes += format->bytes) {
            dequantize_block(type, out + c, bytes);
        }
    }
    }
}

void tk_extract_block(tk_type type, uint8_t *block, const uint8_t *panel_block, size_t row) {
    for (const tk_units *units = tk_formats[type].units; units->count > 0; units++) {
        const size_t size = units->size;
        for (size_t i = 0; i < units->count; i++, block += size, panel_block += TK_PANEL_ROWS * size) {
            const uint8_t *unit = panel_block + row * size;
            if (size == 4) {
                memcpy(block, unit, 4);
            } else {
                memcpy(block, unit, size);
            }
        }
    }
}
