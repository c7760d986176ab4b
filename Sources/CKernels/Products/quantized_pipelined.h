// Tiles of two panels for AVX-512 with VNNI: the fastest way known to keep both of its multipliers busy.
//
// Responsible for: tiles of types without sub-scales, part of the template quantized_products.h.
// Must not know: layouts, which panels and tokens there are.
//
// The products of one part go between those operations that finish the part before, so that neither waits for the other,
// and the compiler is made to keep this order (measured on Zen 5: 650 GOP/s part after part, 860 so).

/// The compiler moves nothing that makes or uses `value` over other operations so marked.
#define keep_order(value) __asm__ volatile("" : "+v"(value))

INLINE int is_pipelined(tk_type type) {
    return !tk_has_sub_scales(type);
}

/// sums + one token's dots of one panel and part.
INLINE floats finish_part(
    tk_type type, floats sums, vector dots, const part_scales *scales, const tk_quantized_block *x) {
    floats lanes = float_of_lanes(dots);
    keep_order(lanes);
    const floats scale = scales->scale[0] * all_floats(x->scale);
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sums) : "v"(lanes), "v"(scale));  // without it compilers add moves
    return tk_offset_count(type) > 0 ? multiply_add(scales->offset[0][0], all_floats(x->scaled_sum), sums) : sums;
}

/// What is at work: dots [2 panels][tokens] of one part, or sums.
typedef struct {
    vector of[2][PIPELINED_TOKENS];
} pair_dots;
typedef struct {
    floats of[2][PIPELINED_TOKENS];
} pair_sums;

/// dots = one part of two panels times some tokens; meanwhile, where `finishes`, the dots of the part before, whose scales
/// and blocks lie before those of this one, are added to the sums.
INLINE void multiply_part(
    tk_type type, size_t tokens, pair_sums *sums, pair_dots *dots, const pair_dots *before, int finishes,
    const unpacked_part *weights0, const unpacked_part *weights1, const tk_quantized_block *x, size_t width) {
    for (size_t t = 0; t < tokens; t++) {
        dots->of[0][t] = dots->of[1][t] = bias_correction(type, &weights0->scales, 0, x + t);
    }
#pragma clang loop unroll(full)
    for (size_t g = 0; g < 8; g++) {
        const vector quants[2] = {load_vector(weights0->quants[g]), load_vector(weights1->quants[g])};
        for (size_t t = 0; t < tokens; t++) {
            vector values = broadcast_4_bytes(x[t].quants + 4 * g);
            __asm__("" : "+v"(values));  // loaded once for both panels
            for (size_t j = 0; j < 2; j++) {
                dots->of[j][t] = add_products(dots->of[j][t], quants[j], values);
                keep_order(dots->of[j][t]);
            }
        }
        for (size_t k = g * 2 * tokens / 8; k < (g + 1) * 2 * tokens / 8 && finishes; k++) {
            const size_t j = k % 2, t = k / 2;
            const part_scales *scales = j == 0 ? &weights0[-1].scales : &weights1[-1].scales;
            sums->of[j][t] = finish_part(type, sums->of[j][t], before->of[j][t], scales, x - width + t);
            keep_order(sums->of[j][t]);
        }
    }
}

/// As `multiply_unpacked`, of two panels that follow each other; `tokens` is a constant.
INLINE void multiply_pair(
    tk_type type, size_t tokens, float (*acc)[TOKENS_AT_ONCE][TK_PANEL_ROWS], const unpacked_part *weights0,
    size_t parts, const tk_quantized_block *x, size_t width) {
    const unpacked_part *weights1 = weights0 + PARTS_AT_ONCE;
    pair_sums sums;
    pair_dots even, odd;
    for (size_t t = 0; t < tokens; t++) {
        sums.of[0][t] = load_floats(acc[0][t]);
        sums.of[1][t] = load_floats(acc[1][t]);
    }
    multiply_part(type, tokens, &sums, &even, NULL, 0, weights0, weights1, x, width);
    size_t p = 1;
    for (; p + 1 < parts; p += 2) {  // two at a time: dots need not move
        multiply_part(type, tokens, &sums, &odd, &even, 1, weights0 + p, weights1 + p, x + p * width, width);
        multiply_part(
            type, tokens, &sums, &even, &odd, 1, weights0 + p + 1, weights1 + p + 1, x + (p + 1) * width, width);
    }
    if (p < parts) {
        multiply_part(type, tokens, &sums, &odd, &even, 1, weights0 + p, weights1 + p, x + p * width, width);
        even = odd;
    }
    for (size_t t = 0; t < tokens; t++) {
        const tk_quantized_block *last = x + (parts - 1) * width + t;
        sums.of[0][t] = finish_part(type, sums.of[0][t], even.of[0][t], &weights0[parts - 1].scales, last);
        sums.of[1][t] = finish_part(type, sums.of[1][t], even.of[1][t], &weights1[parts - 1].scales, last);
        store_floats(acc[0][t], sums.of[0][t]);
        store_floats(acc[1][t], sums.of[1][t]);
    }
}

/// Pairs of panels times tiles of tokens that follow each other in one group.
typedef struct {
    float (*acc)[TOKENS_AT_ONCE][TK_PANEL_ROWS];  ///< of the first panel and token
    const unpacked_part *weights;                 ///< [panels][PARTS_AT_ONCE]
    size_t pairs, parts, tiles;
    token_tile tile;
} pair_work;

// Functions of their own, for each number of tokens: their sums stay in registers. All types with a bias are alike, and so
// are all with an offset.
#define PAIRS(kind, type, n) \
    static __attribute__((noinline)) void kind##_##n(const pair_work *work) { \
        const size_t width = work->tile.width, parts = work->parts; \
        for (size_t j = 0; j < work->pairs; j++) { \
            const unpacked_part *weights = work->weights + 2 * j * PARTS_AT_ONCE; \
            for (size_t i = 0; i < work->tiles; i++) { \
                float(*acc)[TOKENS_AT_ONCE][TK_PANEL_ROWS] = \
                    (float(*)[TOKENS_AT_ONCE][TK_PANEL_ROWS])work->acc[2 * j][i * n]; \
                multiply_pair(type, n, acc, weights, parts, work->tile.x + i * n, width); \
            } \
        } \
    }
#define PAIRS_OF_EACH(n) PAIRS(biased, TK_Q8_0, n) PAIRS(with_offset, TK_Q4_1, n)
PAIRS_OF_EACH(1) PAIRS_OF_EACH(2) PAIRS_OF_EACH(3) PAIRS_OF_EACH(4)

/// acc of the first panel and token: all panels but the last of an odd number times `tokens` tokens of one group, which
/// begin at the tile.
INLINE void multiply_pairs_of_panels(
    tk_type type, size_t tokens, float (*acc)[TOKENS_AT_ONCE][TK_PANEL_ROWS],
    const unpacked_part (*unpacked)[PARTS_AT_ONCE], size_t panels, size_t parts, token_tile tile) {
    const int is_biased = tk_offset_count(type) == 0;
    pair_work work = {acc, unpacked[0], panels / 2, parts, tokens / PIPELINED_TOKENS, tile};
    if (work.tiles > 0) (is_biased ? biased_4 : with_offset_4)(&work);
    const size_t done = tokens / PIPELINED_TOKENS * PIPELINED_TOKENS;
    work.acc = (float(*)[TOKENS_AT_ONCE][TK_PANEL_ROWS])acc[0][done];
    work.tile.x += done;
    work.tiles = 1;
    switch (tokens - done) {
    case 1: (is_biased ? biased_1 : with_offset_1)(&work); break;
    case 2: (is_biased ? biased_2 : with_offset_2)(&work); break;
    case 3: (is_biased ? biased_3 : with_offset_3)(&work); break;
    }
}
