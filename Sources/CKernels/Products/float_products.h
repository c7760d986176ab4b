// Products with panels of F32, F16 and BF16 for one vector width: a template over vectors_*.h, which stands before it.
//
// Responsible for: the order of operations of tk_matmul_float, some panels and tokens at once.
// Must not know: which instructions there are. Besides vectors there must be
//  FLOAT_TILES(EACH, type)  expands EACH(type, panels, tokens) for every shape of tile
//  FLOAT_TILE_LIMIT         tokens of the largest tile
//  FLOAT_PANELS             panels that go together for many tokens (1 or 2); for few ones it is 4, so that the chains of
//                           dependent fma do not wait for each other
//  FLOAT_FEW_TOKENS         how many are few
//  FLOAT_PREFETCH(panels)   bytes that a tile of so many panels asks for memory ahead; 0: it leaves that to the processor

#ifndef TANDEM_FLOAT_PRODUCTS_H
#define TANDEM_FLOAT_PRODUCTS_H

#include "Products/tiles.h"
#include "kernels.h"

INLINE void store_rows(float *out, const floats values[VECTORS], size_t rows) {
    if (rows >= TK_PANEL_ROWS) {
        for (size_t v = 0; v < VECTORS; v++) store_floats(out + v * LANES, values[v]);
    } else {
        float row[TK_PANEL_ROWS];
        for (size_t v = 0; v < VECTORS; v++) store_floats(row + v * LANES, values[v]);
        memcpy(out, row, rows * sizeof(float));
    }
}

/// The weights of column k in the rows of vector v.
INLINE floats load_weights(tk_type type, const uint8_t *panel, size_t k, size_t v) {
    const size_t index = k * TK_PANEL_ROWS + v * LANES;
    switch (type) {
    case TK_F32: return load_floats((const float *)panel + index);
    case TK_F16: return widen_halves(panel + 2 * index);
    default: return floats_of_bits(shift_left_32(widen_shorts(panel + 2 * index), 16));
    }
}

/// `panels` panels (rows: how many rows they have together) times `tokens` tokens; both are constants to the compiler.
INLINE void tile_float(
    tk_type type, size_t panels, size_t tokens, float *out, size_t out_stride, const uint8_t *panel, const float *x,
    size_t rows, size_t columns) {
    const size_t column_bytes = TK_PANEL_ROWS * (type == TK_F32 ? 4 : 2), panel_bytes = columns * column_bytes;
    floats acc[4][FLOAT_TILE_LIMIT][VECTORS];
    for (size_t j = 0; j < panels; j++) {
        for (size_t t = 0; t < tokens; t++) {
            for (size_t v = 0; v < VECTORS; v++) acc[j][t][v] = all_floats(0);
        }
    }
    for (size_t k = 0; k < columns; k++) {
        floats w[4][VECTORS];
        for (size_t j = 0; j < panels; j++) {
            const uint8_t *from = panel + j * panel_bytes;
            // Ask for what comes later (past the end it does no harm): few tokens are bound by memory.
            if (FLOAT_PREFETCH(panels) > 0) prefetch(from + k * column_bytes + FLOAT_PREFETCH(panels));
            for (size_t v = 0; v < VECTORS; v++) w[j][v] = load_weights(type, from, k, v);
        }
        for (size_t t = 0; t < tokens; t++) {
            const floats value = all_floats(x[t * columns + k]);
            for (size_t j = 0; j < panels; j++) {
                for (size_t v = 0; v < VECTORS; v++) acc[j][t][v] = multiply_add(w[j][v], value, acc[j][t][v]);
            }
        }
    }
    for (size_t j = 0; j < panels; j++) {
        for (size_t t = 0; t < tokens; t++) {
            store_rows(out + t * out_stride + j * TK_PANEL_ROWS, acc[j][t], rows - j * TK_PANEL_ROWS);
        }
    }
}

// A function of its own for every shape of tile: the compiler then keeps its sums in registers.
typedef void float_tile(
    float *out, size_t out_stride, const uint8_t *panel, const float *x, size_t rows, size_t columns);

#define FLOAT_TILE(type, panels, tokens) \
    static void tile_##type##_##panels##x##tokens( \
        float *out, size_t out_stride, const uint8_t *panel, const float *x, size_t rows, size_t columns) { \
        tile_float(TK_##type, panels, tokens, out, out_stride, panel, x, rows, columns); \
    }
FLOAT_TILES(FLOAT_TILE, F32)
FLOAT_TILES(FLOAT_TILE, F16)
FLOAT_TILES(FLOAT_TILE, BF16)

/// Of each type, by the numbers of panels and tokens.
#define FLOAT_TILE_ENTRY(type, panels, tokens) [TK_##type][panels][tokens] = tile_##type##_##panels##x##tokens,
static float_tile *const float_tiles[][5][FLOAT_TILE_LIMIT + 1] = {
    FLOAT_TILES(FLOAT_TILE_ENTRY, F32) FLOAT_TILES(FLOAT_TILE_ENTRY, F16) FLOAT_TILES(FLOAT_TILE_ENTRY, BF16)};

static void matmul_float(
    tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
    size_t columns) {
    const size_t panel_bytes = tk_panel_bytes(type, columns);
    const uint8_t *panel = panels;
    for (size_t row = 0, together; row < rows; row += together * TK_PANEL_ROWS, panel += together * panel_bytes) {
        const size_t left = (rows - row + TK_PANEL_ROWS - 1) / TK_PANEL_ROWS;
        together = tokens <= FLOAT_FEW_TOKENS && left >= 4 ? 4 : left >= FLOAT_PANELS ? FLOAT_PANELS : 1;
        for (size_t t = 0, tile; t < tokens; t += tile) {
            tile = tk_next_tile(tokens - t, FLOAT_TILE_LIMIT);
            float *to = out + t * out_stride + row;
            float_tiles[type][together][tile](to, out_stride, panel, x + t * columns, rows - row, columns);
        }
    }
}

#endif
