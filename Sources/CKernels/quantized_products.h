// Products with quantized panels for one vector width: a template that quantized_avx2.c and quantized_avx512.c include.
//
// Responsible for: the order of operations of tk_matmul_quantized, and what is unpacked when.
// Must not know: layouts, which instructions there are. Besides what quantized_panels.h asks for, there must be
//  TILE_LIMIT       tokens whose sums are kept in registers at once
//  PREFETCH_BYTES   how far ahead one token asks for memory
//  sum_products     the exact sums of one part's products
//
// How it works. A panel is read 32 columns (a "part") at a time. One token takes quants and scales straight from the
// packed bits. For more, up to 8 parts are unpacked into a scratch in the first-level cache, from which the tiles of
// tokens read them. Q8_0 and Q4_0 need no unpacking.

// MARK: Tiles

/// sums [tokens] += a part times the quants of each token; x begins at the first token and this part, and has `stride`
/// parts to a token.
INLINE void add_part(
    tk_type type, size_t tokens, floats sums[][VECTORS], part_source from, const part_scales *scales, tk_quantized x,
    size_t stride) {
    vector dots[TILE_LIMIT][VECTORS];
    sum_products(type, tokens, dots, from, scales, x, stride);
    const size_t offsets = tk_offset_count(type);
    for (size_t t = 0; t < tokens; t++) {
        const float x_scale = x.scales[t * stride];
        const tk_half_sums x_sums = x.sums[t * stride];
        const float first = x_scale * (float)(offsets == 1 ? tk_sum_of_block(x_sums) : x_sums.first);
        const float second = x_scale * (float)x_sums.second;
        for (size_t v = 0; v < VECTORS; v++) {
            const floats scale = scales->scale[v] * all_floats(x_scale);
            sums[t][v] = multiply_add(float_of_lanes(dots[t][v]), scale, sums[t][v]);
            if (offsets > 0) sums[t][v] = multiply_add(scales->offset[0][v], all_floats(first), sums[t][v]);
            if (offsets > 1) sums[t][v] = multiply_add(scales->offset[1][v], all_floats(second), sums[t][v]);
        }
    }
}

/// acc [tokens][16] += `parts` parts times the quants of `tokens` tokens, a constant to the compiler. `weights`: the
/// panel from its first block on, or unpacked parts; x begins at the first token and part.
INLINE void tile(
    tk_type type, size_t tokens, int is_unpacked, float (*acc)[TK_PANEL_ROWS], const void *weights, tk_quantized x,
    size_t parts, size_t columns) {
    const size_t together = is_unpacked ? 1 : block_parts(type), stride = columns / TK_BLOCK;
    const size_t block_bytes = tk_block_bytes(type) * TK_PANEL_ROWS, part_bytes = block_bytes / together;
    floats sums[TILE_LIMIT][VECTORS];
    for (size_t t = 0; t < tokens; t++) {
        for (size_t v = 0; v < VECTORS; v++) sums[t][v] = load_floats(acc[t] + v * TK_PANEL_ROWS / VECTORS);
    }
    part_source from = {is_unpacked ? NULL : weights, 0, is_unpacked ? weights : NULL};
    for (size_t first = 0; first < parts; first += together) {
        block_scales block;
        if (!is_unpacked) block = load_block_scales(type, from.block);
        for (from.part = 0; from.part < together; from.part++) {
            // One token is bound by memory: ask for what comes later (past the end it does no harm). A part of a large
            // block lies scattered over it, so there it is the next block that is asked for.
            const size_t ahead = PREFETCH_BYTES + (together > 1 ? block_bytes : 0) + from.part * part_bytes;
            for (size_t line = 0; !is_unpacked && tokens == 1 && line < part_bytes; line += 64) {
                prefetch(from.block + ahead + line);
            }
            const part_scales scales =
                is_unpacked ? from.unpacked->scales : scales_of_part(type, &block, from.part);
            const size_t p = first + from.part;
            const tk_quantized here = {x.quants + p * TK_BLOCK, x.scales + p, x.sums + p};
            add_part(type, tokens, sums, from, &scales, here, stride);
        }
        if (is_unpacked) {
            from.unpacked++;
        } else {
            from.block += block_bytes;
        }
    }
    for (size_t t = 0; t < tokens; t++) {
        for (size_t v = 0; v < VECTORS; v++) store_floats(acc[t] + v * TK_PANEL_ROWS / VECTORS, sums[t][v]);
    }
}

/// `tile` for any number of tokens up to the limit, each with code of its own: sums stay in registers.
INLINE void tile_of(
    tk_type type, size_t tokens, int is_unpacked, float (*acc)[TK_PANEL_ROWS], const void *weights, tk_quantized x,
    size_t parts, size_t columns) {
    switch (tokens) {
    case 1: tile(type, 1, is_unpacked, acc, weights, x, parts, columns); break;
    case 2: tile(type, 2, is_unpacked, acc, weights, x, parts, columns); break;
    case 3: tile(type, 3, is_unpacked, acc, weights, x, parts, columns); break;
    case 4: tile(type, 4, is_unpacked, acc, weights, x, parts, columns); break;
#if TILE_LIMIT == 8
    case 5: tile(type, 5, is_unpacked, acc, weights, x, parts, columns); break;
    case 6: tile(type, 6, is_unpacked, acc, weights, x, parts, columns); break;
    case 7: tile(type, 7, is_unpacked, acc, weights, x, parts, columns); break;
    default: tile(type, 8, is_unpacked, acc, weights, x, parts, columns);
#endif
    }
}

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

// MARK: Products

/// Tokens for which parts are unpacked once.
#define TOKENS_AT_ONCE 64

/// One panel times up to TOKENS_AT_ONCE tokens: acc [tokens][16], zero at first.
INLINE void multiply_panel(
    tk_type type, float (*acc)[TK_PANEL_ROWS], const uint8_t *panel, tk_quantized x, size_t tokens, size_t columns) {
    const size_t parts = columns / TK_BLOCK;
    if (tokens == 1) {
        tile(type, 1, 0, acc, panel, x, parts, columns);
        return;
    }
    unpacked_part scratch[TK_BLOCK_PARTS_LIMIT];
    const int is_direct = needs_no_unpacking(type);  // then a tile goes through the whole row
    const size_t step = is_direct ? parts : TK_BLOCK_PARTS_LIMIT;
    const size_t block_bytes = tk_block_bytes(type) * TK_PANEL_ROWS;
    for (size_t first = 0; first < parts; first += step) {
        const size_t count = parts - first < step ? parts - first : step;
        for (size_t p = 0; !is_direct && p < count; p += block_parts(type)) {
            unpack(type, scratch + p, panel + (first + p) / block_parts(type) * block_bytes);
        }
        for (size_t t = 0, size; t < tokens; t += size) {
            size = tk_next_tile(tokens - t, TILE_LIMIT);
            const size_t at = t * parts + first;
            const tk_quantized from = {x.quants + at * TK_BLOCK, x.scales + at, x.sums + at};
            if (is_direct) {
                tile_of(type, size, 0, acc + t, panel, from, count, columns);
            } else {
                tile_of(type, size, 1, acc + t, scratch, from, count, columns);
            }
        }
    }
}

typedef void panel_product(
    float (*acc)[TK_PANEL_ROWS], const uint8_t *panel, tk_quantized x, size_t tokens, size_t columns);

#define PANEL_PRODUCT(type) \
    static void multiply_##type( \
        float (*acc)[TK_PANEL_ROWS], const uint8_t *panel, tk_quantized x, size_t tokens, size_t columns) { \
        multiply_panel(TK_##type, acc, panel, x, tokens, columns); \
    }
#define PANEL_PRODUCT_ENTRY(type) [TK_##type] = multiply_##type,

TK_QUANTIZED_TYPES(PANEL_PRODUCT)
static panel_product *const panel_products[] = {TK_QUANTIZED_TYPES(PANEL_PRODUCT_ENTRY)};

INLINE void multiply_panels(
    tk_type type, float *out, size_t out_stride, const uint8_t *panel, tk_quantized x, size_t tokens, size_t rows,
    size_t columns) {
    const size_t panel_bytes = tk_panel_bytes(type, columns), parts = columns / TK_BLOCK;
    for (size_t row = 0; row < rows; row += TK_PANEL_ROWS, panel += panel_bytes) {
        const size_t height = rows - row < TK_PANEL_ROWS ? rows - row : TK_PANEL_ROWS;
        for (size_t start = 0, count; start < tokens; start += count) {
            count = tokens - start < TOKENS_AT_ONCE ? tokens - start : TOKENS_AT_ONCE;
            float acc[TOKENS_AT_ONCE][TK_PANEL_ROWS];
            memset(acc, 0, count * sizeof acc[0]);
            const size_t at = start * parts;
            const tk_quantized from = {x.quants + at * TK_BLOCK, x.scales + at, x.sums + at};
            panel_products[type](acc, panel, from, count, columns);
            for (size_t t = 0; t < count; t++) {
                memcpy(out + (start + t) * out_stride + row, acc[t], height * sizeof(float));
            }
        }
    }
}
