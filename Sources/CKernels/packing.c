// Packing: weights into panels and back, keys and values into KV blocks. The same on every level: it moves bytes.
//
// Responsible for: the layouts of kernels.h.
// Must not know: instruction sets.

#include "kernels_internal.h"

// MARK: Panels

static size_t element_bytes(tk_type type) {
    return type == TK_F32 ? 4 : 2;
}

size_t tk_panel_bytes(tk_type type, size_t columns) {
    switch (type) {
    case TK_Q8_0: return columns / TK_BLOCK * TK_Q8_0_BLOCK_BYTES;
    case TK_Q4_0: return columns / TK_BLOCK * TK_Q4_0_BLOCK_BYTES;
    default: return columns * TK_PANEL_ROWS * element_bytes(type);
    }
}

/// Columns that are moved at a time: 16 rows of them fit the first-level cache.
#define STRIP 128

/// Rows of `size`-byte elements into [columns][16]. `size` is a constant wherever this is called.
static inline void interleave(
    uint8_t *panel, const uint8_t *source, size_t row_stride, size_t rows, size_t columns, size_t size) {
    for (size_t start = 0; start < columns; start += STRIP) {
        const size_t end = columns - start < STRIP ? columns : start + STRIP;
        for (size_t r = 0; r < rows; r++) {
            const uint8_t *row = source + r * row_stride;
            for (size_t c = start; c < end; c++) memcpy(panel + (c * TK_PANEL_ROWS + r) * size, row + c * size, size);
        }
        for (size_t c = start; c < end && rows < TK_PANEL_ROWS; c++) {
            memset(panel + (c * TK_PANEL_ROWS + rows) * size, 0, (TK_PANEL_ROWS - rows) * size);
        }
    }
}

/// Rows of quantized blocks (an f16 scale, then `groups` times 4 bytes) into blocks of 16 rows. A missing row has
/// scale 0 and bytes `zero`.
static inline void interleave_blocks(
    uint8_t *panel, const uint8_t *source, size_t row_stride, size_t rows, size_t blocks, size_t groups, uint8_t zero) {
    const size_t row_block_bytes = 2 + 4 * groups;
    for (size_t b = 0; b < blocks; b++) {
        uint8_t *scales = panel + b * TK_PANEL_ROWS * row_block_bytes, *quants = scales + 2 * TK_PANEL_ROWS;
        if (rows < TK_PANEL_ROWS) {
            memset(scales, 0, 2 * TK_PANEL_ROWS);
            memset(quants, zero, 4 * groups * TK_PANEL_ROWS);
        }
        for (size_t r = 0; r < rows; r++) {
            const uint8_t *block = source + r * row_stride + b * row_block_bytes;
            memcpy(scales + 2 * r, block, 2);
            for (size_t g = 0; g < groups; g++) memcpy(quants + (g * TK_PANEL_ROWS + r) * 4, block + 2 + 4 * g, 4);
        }
    }
}

void tk_pack_panel(tk_type type, void *panel, const void *source, size_t row_stride, size_t rows, size_t columns) {
    switch (type) {
    case TK_F32: interleave(panel, source, row_stride, rows, columns, 4); break;
    case TK_F16:
    case TK_BF16: interleave(panel, source, row_stride, rows, columns, 2); break;
    case TK_Q8_0: interleave_blocks(panel, source, row_stride, rows, columns / TK_BLOCK, 8, 0); break;
    case TK_Q4_0: interleave_blocks(panel, source, row_stride, rows, columns / TK_BLOCK, 4, 0x88); break;
    }
}

void tk_pack_panel_transposed(
    tk_type type, void *panel, const void *source, size_t column_stride, size_t rows, size_t columns) {
    const size_t size = element_bytes(type), column_bytes = TK_PANEL_ROWS * size;
    for (size_t c = 0; c < columns; c++) {
        uint8_t *column = (uint8_t *)panel + c * column_bytes;
        memcpy(column, (const uint8_t *)source + c * column_stride, rows * size);
        memset(column + rows * size, 0, column_bytes - rows * size);
    }
}

void tk_unpack_row(tk_type type, float *out, const void *panel, size_t row, size_t columns) {
    const uint8_t *bytes = panel;
    switch (type) {
    case TK_F32:
        for (size_t c = 0; c < columns; c++) memcpy(out + c, bytes + (c * TK_PANEL_ROWS + row) * 4, 4);
        break;
    case TK_F16:
        for (size_t c = 0; c < columns; c++) {
            out[c] = tk_float_of_half(tk_load_u16(bytes + (c * TK_PANEL_ROWS + row) * 2));
        }
        break;
    case TK_BF16:
        for (size_t c = 0; c < columns; c++) {
            out[c] = tk_float_of_bfloat(tk_load_u16(bytes + (c * TK_PANEL_ROWS + row) * 2));
        }
        break;
    case TK_Q8_0:
        for (size_t c = 0; c < columns; c++) {
            const uint8_t *block = bytes + c / TK_BLOCK * TK_Q8_0_BLOCK_BYTES;
            const uint8_t *group = block + 2 * TK_PANEL_ROWS + (c % TK_BLOCK / 4 * TK_PANEL_ROWS + row) * 4;
            out[c] = tk_float_of_half(tk_load_u16(block + 2 * row)) * (float)(int8_t)group[c % 4];
        }
        break;
    case TK_Q4_0:
        for (size_t c = 0; c < columns; c++) {
            const uint8_t *block = bytes + c / TK_BLOCK * TK_Q4_0_BLOCK_BYTES;
            const uint8_t *group = block + 2 * TK_PANEL_ROWS + (c % 16 / 4 * TK_PANEL_ROWS + row) * 4;
            const int nibble = c % TK_BLOCK < 16 ? group[c % 4] & 15 : group[c % 4] >> 4;
            out[c] = tk_float_of_half(tk_load_u16(block + 2 * row)) * (float)(nibble - 8);
        }
        break;
    }
}

// MARK: Keys and values

size_t tk_kv_block_floats(size_t kv_heads, size_t head_size) {
    return 2 * TK_KV_BLOCK * kv_heads * head_size;
}

void tk_kv_store(
    float *block, const float *key, const float *value, size_t kv_heads, size_t head_size, size_t position_in_block) {
    const size_t width = kv_heads * head_size;
    float *values = block + width * TK_KV_BLOCK;
    for (size_t i = 0; i < width; i++) block[i * TK_KV_BLOCK + position_in_block] = key[i];
    for (size_t h = 0; h < kv_heads; h++) {
        float *head = values + (h * TK_KV_BLOCK + position_in_block) * head_size;
        memcpy(head, value + h * head_size, head_size * sizeof(float));
    }
}
