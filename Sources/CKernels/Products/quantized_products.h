// Products with quantized panels for one vector width: a template that the files of the levels include.
//
// Responsible for: the order of operations of tk_matmul_quantized, and what is unpacked when.
// Must not know: layouts, which instructions there are. Besides what quantized_panels.h asks for, there must be
//  TILE_LIMIT       tokens whose sums are kept in registers at once
//  PREFETCH_BYTES   how far ahead a few tokens ask for memory
//  sum_products     the exact sums of one part's products
//  PIPELINED_TOKENS only where quantized_pipelined.h serves, whose tiles have at most so many tokens
//
// How it works. A panel is read 32 columns (a "part") at a time. Few tokens are bound by memory: they take quants and
// scales straight from the packed bits, panel by panel. For more, 8 parts of some panels are unpacked into a scratch
// in the first-level cache, and tiles of tokens pass over it, their sums waiting in memory between two visits.

#include "Formats/activations.h"
#include "Products/tiles.h"

/// Up to so many tokens, unpacking once for each tile of them costs less than a scratch.
#define FEW_TOKENS 32
/// Parts that are unpacked at once: a block of 256 columns or less.
#define PARTS_AT_ONCE TK_BLOCK_PARTS_LIMIT
/// Panels that are unpacked at once: with the tokens' blocks they fit the first-level cache.
#define PANELS_AT_ONCE 4
/// Tokens that share the unpacking.
#define TOKENS_AT_ONCE 512

/// A tile of tokens of one group: x begins at its first token; `width` blocks lie from one part to the next.
typedef struct {
    const tk_quantized_block *x;
    size_t width;
} token_tile;

INLINE size_t smaller_size(size_t a, size_t b) {
    return a < b ? a : b;
}

// MARK: Tiles

/// sums [tokens] += a part times the quants of each token; x [tokens].
INLINE void add_part(
    tk_type type, size_t tokens, floats sums[][VECTORS], part_source from, const part_scales *scales,
    const tk_quantized_block *x) {
    vector dots[TILE_LIMIT][VECTORS];
    sum_products(type, tokens, dots, from, scales, x);
    const size_t offsets = tk_offset_count(type);
    for (size_t t = 0; t < tokens; t++) {
        const floats x_scale = all_floats(x[t].scale);
        for (size_t v = 0; v < VECTORS; v++) {
            sums[t][v] = multiply_add(float_of_lanes(dots[t][v]), scales->scale[v] * x_scale, sums[t][v]);
            if (offsets == 1) sums[t][v] = multiply_add(scales->offset[0][v], all_floats(x[t].scaled_sum), sums[t][v]);
            for (size_t h = 0; h < 2 && offsets == 2; h++) {
                const floats half = x_scale * all_floats((float)x[t].halves[h]);
                sums[t][v] = multiply_add(scales->offset[h][v], half, sums[t][v]);
            }
        }
    }
}

/// Stores 16 values, or the first `rows`.
INLINE void store_row(float *out, const float values[TK_PANEL_ROWS], size_t rows) {
    if (rows >= TK_PANEL_ROWS) {
        memcpy(out, values, TK_PANEL_ROWS * sizeof(float));
    } else {
        memcpy(out, values, rows * sizeof(float));
    }
}

INLINE void store_sums(floats sums[][VECTORS], size_t tokens, float *out, size_t out_stride, size_t height) {
    for (size_t t = 0; t < tokens; t++) {
        float values[TK_PANEL_ROWS];
        float *to = height == TK_PANEL_ROWS ? out + t * out_stride : values;
        for (size_t v = 0; v < VECTORS; v++) store_floats(to + v * TK_PANEL_ROWS / VECTORS, sums[t][v]);
        if (height < TK_PANEL_ROWS) memcpy(out + t * out_stride, values, height * sizeof(float));
    }
}

/// out [tokens, height] = a panel times a tile's tokens, from the packed bits.
INLINE void multiply_packed(
    tk_type type, size_t tokens, float *out, size_t out_stride, size_t height, const uint8_t *panel, token_tile tile,
    size_t columns) {
    const size_t parts = columns / TK_BLOCK, together = block_parts(type);
    const size_t block_bytes = tk_block_bytes(type) * TK_PANEL_ROWS, part_bytes = block_bytes / together;
    floats sums[TILE_LIMIT][VECTORS];
    for (size_t t = 0; t < tokens; t++) {
        for (size_t v = 0; v < VECTORS; v++) sums[t][v] = all_floats(0);
    }
    part_source from = {panel, 0, NULL};
    for (size_t p = 0; p < parts; p += together, from.block += block_bytes) {
        const block_scales block = load_block_scales(type, from.block);
        for (from.part = 0; from.part < together; from.part++, tile.x += tile.width) {
            // Ask for what comes later (past the end it does no harm). A part of a large block lies scattered over it, so
            // there it is the next block that is asked for.
            const size_t ahead = PREFETCH_BYTES + (together > 1 ? block_bytes : 0) + from.part * part_bytes;
            for (size_t line = 0; line < part_bytes; line += 64) prefetch(from.block + ahead + line);
            const part_scales scales = scales_of_part(type, &block, from.part);
            add_part(type, tokens, sums, from, &scales, tile.x);
        }
    }
    store_sums(sums, tokens, out, out_stride, height);
}

/// acc [tokens][16] += some parts of a panel times a tile's tokens.
INLINE void multiply_unpacked(
    tk_type type, size_t tokens, float (*acc)[TK_PANEL_ROWS], const unpacked_part *unpacked, size_t parts,
    token_tile tile) {
    floats sums[TILE_LIMIT][VECTORS];
    for (size_t t = 0; t < tokens; t++) {
        for (size_t v = 0; v < VECTORS; v++) sums[t][v] = load_floats(acc[t] + v * TK_PANEL_ROWS / VECTORS);
    }
    for (size_t p = 0; p < parts; p++, tile.x += tile.width) {
        const part_source from = {NULL, 0, unpacked + p};
        add_part(type, tokens, sums, from, &unpacked[p].scales, tile.x);
    }
    store_sums(sums, tokens, acc[0], TK_PANEL_ROWS, TK_PANEL_ROWS);
}

#ifdef PIPELINED_TOKENS
#include "Products/quantized_pipelined.h"
#endif

// Every number of tokens has code of its own, in which their sums stay in registers.
#if TILE_LIMIT == 8
#define EACH_TILE(EACH) EACH(1) EACH(2) EACH(3) EACH(4) EACH(5) EACH(6) EACH(7) EACH(8)
#else
#define EACH_TILE(EACH) EACH(1) EACH(2) EACH(3) EACH(4)
#endif

/// Tokens of the tile that begins at `token`: at most the limit and `rest`, all of one group.
INLINE size_t next_tile(tk_quantized x, size_t token, size_t rest, size_t limit) {
    const size_t in_group = tk_group_width(x, token) - token % TK_TOKEN_GROUP;
    return tk_next_tile(smaller_size(in_group, rest), limit);
}

INLINE token_tile tile_at(tk_quantized x, size_t token, size_t part, size_t columns) {
    const size_t width = tk_group_width(x, token);
    return (token_tile){tk_first_block(x, token, columns) + part * width, width};
}

// MARK: Few tokens

/// out [count, height] = a panel times few tokens.
INLINE void multiply_few(
    tk_type type, float *out, size_t out_stride, size_t height, const uint8_t *panel, tk_quantized x, size_t first,
    size_t count, size_t columns) {
    for (size_t t = 0, size; t < count; t += size, out += size * out_stride) {
        size = next_tile(x, first + t, count - t, TILE_LIMIT);
        const token_tile tile = tile_at(x, first + t, 0, columns);
        switch (size) {
#define TILE(n) case n: multiply_packed(type, n, out, out_stride, height, panel, tile, columns); break;
            EACH_TILE(TILE)
#undef TILE
        }
    }
}

// MARK: Many tokens

INLINE void unpack(tk_type type, unpacked_part *out, const uint8_t *block) {
    const block_scales scales = load_block_scales(type, block);
    for (size_t part = 0; part < block_parts(type); part++, out++) {
        out->scales = scales_of_part(type, &scales, part);
        for (size_t g = 0; g < 8; g++) {
            for (size_t v = 0; v < VECTORS; v++) {
                store_vector(out->quants[g] + v * sizeof(vector), load_quants(type, block, part, g, v));
            }
        }
    }
}

/// Where the sums of some panels and tokens wait between two visits.
typedef float waiting_sums[PANELS_AT_ONCE][TOKENS_AT_ONCE][TK_PANEL_ROWS];

/// acc += some panels, unpacked, times `tokens` tokens of one group, whose sums begin at token t.
INLINE void multiply_group(
    tk_type type, size_t tokens, waiting_sums acc, size_t t, const unpacked_part (*unpacked)[PARTS_AT_ONCE],
    size_t panels, size_t parts, token_tile tile) {
    size_t j = 0;
#ifdef PIPELINED_TOKENS
    if (is_pipelined(type)) {
        float(*sums)[TOKENS_AT_ONCE][TK_PANEL_ROWS] = (float(*)[TOKENS_AT_ONCE][TK_PANEL_ROWS])acc[0][t];
        multiply_pairs_of_panels(type, tokens, sums, unpacked, panels, parts, tile);
        j = panels / 2 * 2;
    }
#endif
    for (size_t size; tokens > 0 && j < panels; tokens -= size, t += size, tile.x += size) {
        size = tk_next_tile(tokens, TILE_LIMIT);
        for (size_t k = j; k < panels; k++) {
            switch (size) {
#define TILE(n) case n: multiply_unpacked(type, n, acc[k] + t, unpacked[k], parts, tile); break;
                EACH_TILE(TILE)
#undef TILE
            }
        }
    }
}

/// acc += some parts of some panels, unpacked, times tokens. `next`: what will be unpacked next, `next_bytes` of each
/// panel, is asked for meanwhile, in equal shares for each group (past the end it does no harm).
INLINE void multiply_parts(
    tk_type type, waiting_sums acc, const unpacked_part (*unpacked)[PARTS_AT_ONCE], size_t panels, size_t first_part,
    size_t parts, tk_quantized x, size_t first, size_t count, size_t columns, const uint8_t *next,
    size_t next_bytes) {
    const size_t panel_bytes = tk_panel_bytes(type, columns);
    for (size_t t = 0, size, asked = 0; t < count; t += size) {
        size = next_tile(x, first + t, count - t, TK_TOKEN_GROUP);
        for (; asked * count < next_bytes * (t + size); asked += 64) {
            for (size_t j = 0; j < panels; j++) prefetch_far(next + j * panel_bytes + asked);
        }
        multiply_group(type, size, acc, t, unpacked, panels, parts, tile_at(x, first + t, first_part, columns));
    }
}

/// out [count, height] = some panels times at most TOKENS_AT_ONCE tokens.
INLINE void multiply_many(
    tk_type type, float *out, size_t out_stride, size_t height, const uint8_t *panel, tk_quantized x, size_t first,
    size_t count, size_t columns) {
    const size_t panels = (height + TK_PANEL_ROWS - 1) / TK_PANEL_ROWS, panel_bytes = tk_panel_bytes(type, columns);
    const size_t parts = columns / TK_BLOCK, block_bytes = tk_block_bytes(type) * TK_PANEL_ROWS;
    waiting_sums acc;
    unpacked_part unpacked[PANELS_AT_ONCE][PARTS_AT_ONCE];
    for (size_t j = 0; j < panels; j++) memset(acc[j], 0, count * sizeof acc[j][0]);
    for (size_t part = 0; part < parts; part += PARTS_AT_ONCE) {
        const size_t together = smaller_size(PARTS_AT_ONCE, parts - part), blocks = together / block_parts(type);
        const uint8_t *from = panel + part / block_parts(type) * block_bytes;
        for (size_t j = 0; j < panels; j++) {
            for (size_t b = 0; b < blocks; b++) {
                unpack(type, unpacked[j] + b * block_parts(type), from + j * panel_bytes + b * block_bytes);
            }
        }
        const size_t bytes = blocks * block_bytes;
        const uint8_t *next = part + together < parts ? from + bytes : panel + panels * panel_bytes;
        multiply_parts(type, acc, unpacked, panels, part, together, x, first, count, columns, next, bytes);
    }
    for (size_t t = 0; t < count; t++) {
        for (size_t j = 0; j < panels; j++) {
            store_row(out + t * out_stride + j * TK_PANEL_ROWS, acc[j][t], height - j * TK_PANEL_ROWS);
        }
    }
}

// MARK: Types

typedef void product(
    float *out, size_t out_stride, size_t height, const uint8_t *panel, tk_quantized x, size_t first, size_t count,
    size_t columns);

#define PRODUCTS(type) \
    static void few_##type( \
        float *out, size_t out_stride, size_t height, const uint8_t *panel, tk_quantized x, size_t first, \
        size_t count, size_t columns) { \
        multiply_few(TK_##type, out, out_stride, height, panel, x, first, count, columns); \
    } \
    static void many_##type( \
        float *out, size_t out_stride, size_t height, const uint8_t *panel, tk_quantized x, size_t first, \
        size_t count, size_t columns) { \
        multiply_many(TK_##type, out, out_stride, height, panel, x, first, count, columns); \
    }
#define FEW_ENTRY(type) [TK_##type] = few_##type,
#define MANY_ENTRY(type) [TK_##type] = many_##type,

TK_QUANTIZED_TYPES(PRODUCTS)
static product *const few_products[] = {TK_QUANTIZED_TYPES(FEW_ENTRY)};
static product *const many_products[] = {TK_QUANTIZED_TYPES(MANY_ENTRY)};

INLINE void multiply_panels(
    tk_type type, float *out, size_t out_stride, const uint8_t *panel, tk_quantized x, size_t first, size_t count,
    size_t rows, size_t columns) {
    const size_t panel_bytes = tk_panel_bytes(type, columns);
    const int is_few = count <= FEW_TOKENS;
    const size_t together = is_few ? 1 : PANELS_AT_ONCE;
    for (size_t row = 0; row < rows; row += together * TK_PANEL_ROWS, panel += together * panel_bytes) {
        const size_t height = smaller_size(together * TK_PANEL_ROWS, rows - row);
        if (is_few) {
            few_products[type](out + row, out_stride, height, panel, x, first, count, columns);
            continue;
        }
        for (size_t t = 0, size; t < count; t += size) {
            size = tk_next_tile(count - t, TOKENS_AT_ONCE);
            float *to = out + t * out_stride + row;
            many_products[type](to, out_stride, height, panel, x, first + t, size, columns);
        }
    }
}
