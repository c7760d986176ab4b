// Packing: weights into panels and back. The same on every level: it moves bytes.
//
// Responsible for: the layouts of kernels.h.
// Must not know: instruction sets.

#include "Formats/formats.h"

// MARK: Panels

size_t tk_panel_bytes(tk_type type, size_t columns) {
    return columns / tk_block_columns(type) * tk_block_bytes(type) * TK_PANEL_ROWS;
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

/// `count` units of `size` bytes of each row, side by side. `size` is a constant wherever this is called.
static inline void interleave_units(
    uint8_t *panel, const uint8_t *source, size_t row_stride, size_t rows, size_t count, size_t size) {
    for (size_t i = 0; i < count; i++, panel += TK_PANEL_ROWS * size, source += size) {
        if (rows == TK_PANEL_ROWS) {
            for (size_t r = 0; r < TK_PANEL_ROWS; r++) memcpy(panel + r * size, source + r * row_stride, size);
        } else {
            for (size_t r = 0; r < rows; r++) memcpy(panel + r * size, source + r * row_stride, size);
            memset(panel + rows * size, 0, (TK_PANEL_ROWS - rows) * size);
        }
    }
}

/// Rows of quantized blocks into blocks of 16 rows. A missing row is all zero bytes.
static void interleave_blocks(
    tk_type type, uint8_t *panel, const uint8_t *source, size_t row_stride, size_t rows, size_t columns) {
    for (size_t b = 0; b < columns / tk_formats[type].columns; b++) {
        for (const tk_units *units = tk_formats[type].units; units->count > 0; units++) {
            switch (units->size) {
            case 1: interleave_units(panel, source, row_stride, rows, units->count, 1); break;
            case 2: interleave_units(panel, source, row_stride, rows, units->count, 2); break;
            default: interleave_units(panel, source, row_stride, rows, units->count, 4);
            }
            panel += (size_t)units->count * units->size * TK_PANEL_ROWS;
            source += units->count * units->size;
        }
    }
}

void tk_pack_panel(tk_type type, void *panel, const void *source, size_t row_stride, size_t rows, size_t columns) {
    switch (type) {
    case TK_F32: interleave(panel, source, row_stride, rows, columns, 4); break;
    case TK_F16:
    case TK_BF16: interleave(panel, source, row_stride, rows, columns, 2); break;
    default: interleave_blocks(type, panel, source, row_stride, rows, columns);
    }
}

void tk_pack_panel_transposed(
    tk_type type, void *panel, const void *source, size_t column_stride, size_t rows, size_t columns) {
    const size_t size = tk_block_bytes(type), column_bytes = TK_PANEL_ROWS * size;
    for (size_t c = 0; c < columns; c++) {
        uint8_t *column = (uint8_t *)panel + c * column_bytes;
        memcpy(column, (const uint8_t *)source + c * column_stride, rows * size);
        memset(column + rows * size, 0, column_bytes - rows * size);
    }
}

void tk_unpack_row(tk_type type, float *out, const void *panel, size_t row, size_t columns) {
    const uint8_t *from = panel;
    switch (type) {
    case TK_F32:
        for (size_t c = 0; c < columns; c++) memcpy(out + c, from + (c * TK_PANEL_ROWS + row) * 4, 4);
        break;
    case TK_F16:
        for (size_t c = 0; c < columns; c++) {
            out[c] = tk_float_of_half(tk_load_u16(from + (c * TK_PANEL_ROWS + row) * 2));
        }
        break;
    case TK_BF16:
        for (size_t c = 0; c < columns; c++) {
            out[c] = tk_float_of_bfloat(tk_load_u16(from + (c * TK_PANEL_ROWS + row) * 2));
        }
        break;
    default: {
        uint8_t block[TK_BLOCK_BYTES_LIMIT];
        const size_t block_columns = tk_block_columns(type);
        for (size_t c = 0; c < columns; c += block_columns, from += TK_PANEL_ROWS * tk_block_bytes(type)) {
            tk_extract_block(type, block, from, row);
            tk_dequantize_row(type, out + c, block, block_columns);
        }
    }
    }
}
