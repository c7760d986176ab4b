// The contract of Tandem's arithmetic: shapes, alignment, aliasing and order of operations of every kernel.
//
// Responsible for: row- and block-sized arithmetic, one variant per instruction set, chosen once at run time.
// Must not know: tensors, models, other threads. Nothing here allocates, locks or keeps state but the chosen level.
//
// Numerics. `kernels_portable.c` defines every result; each SIMD variant reproduces it bit for bit:
//  * a SIMD lane is an output element, so each element is one sequential chain in a fixed order;
//  * `fma(a, b, c)` below is a fused multiply-add with one rounding; everything else rounds once per operation;
//  * a reduction to one number uses 16 partial results (element i goes to partial i % 16, in order of i), which are
//    then combined as a tree: partial[j] += partial[j + 8] (j < 8), then + 4, + 2, + 1;
//  * exp and its relatives are this target's own polynomials, never libm's;
//  * bit for bit includes infinities, zeros' signs and subnormals; a result that is NaN is NaN everywhere, but its
//    payload may be any.
//  The floating-point environment must be the default one: round to nearest, subnormals neither flushed nor zeroed.
//
// Unless said otherwise pointers need only their element's alignment, outputs must not overlap inputs,
// counts may be any value >= 0 and need not be a multiple of any vector width.

#ifndef TANDEM_KERNELS_H
#define TANDEM_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// MARK: Instruction sets

/// Instruction sets with a variant of their own, in order of preference.
typedef enum {
    TK_LEVEL_PORTABLE = 0,
    TK_LEVEL_AVX2 = 1,         ///< AVX2, FMA, F16C
    TK_LEVEL_AVX_VNNI = 2,     ///< the same and AVX-VNNI
    TK_LEVEL_AVX512 = 3,       ///< AVX2's and AVX-512 F, BW, DQ, VL
    TK_LEVEL_AVX512_VNNI = 4,  ///< the same and AVX-512 VNNI
} tk_level;

/// 1 where this processor and operating system support a level, else 0.
int tk_supports_level(tk_level level);
/// The best level they support (cpuid, asked once).
tk_level tk_best_level(void);
/// The level in use: `tk_best_level()` until `tk_set_level` says otherwise.
tk_level tk_current_level(void);
/// Forces a level, for tests: calls that begin afterwards use it. Returns 0, or -1 if the processor lacks it.
int tk_set_level(tk_level level);

// MARK: Packed matrices

/// Rows in a panel. Weights [rows, columns] are stored as ceil(rows / 16) panels; missing rows are zero.
#define TK_PANEL_ROWS 16
/// Columns in a quantization block.
#define TK_BLOCK 32

/// Element types of tensors and packed matrices. Quantized ones are in ggml's formats, which formats.h describes.
///
/// A panel of 16 rows interleaves them:
///  F32, F16, BF16: [columns][16] elements.
///  Quantized types: block by block (32 or 256 columns), each unit of the file's block for the 16 rows side by side.
///  So a panel is as large as its rows in the file, and what lies at byte o of a file's block begins at byte 16 o of
///  the panel's. A unit is 4 consecutive bytes of quants, of bits of quants or of packed scales; 2 bytes of an f16 scale or
///  minimum (in IQ4_XS also the 16 high bits of the scales); 1 byte of an MXFP4 exponent.
///  Q8_0, for instance: 16 f16 scales, then int8 [8 groups][16 rows][4 columns]: 544 bytes for 32 columns.
typedef enum {
    TK_F32 = 0,
    TK_F16 = 1,
    TK_BF16 = 2,
    TK_Q8_0 = 3,
    TK_Q4_0 = 4,
    TK_Q4_1 = 5,
    TK_Q5_0 = 6,
    TK_Q5_1 = 7,
    TK_Q2_K = 8,
    TK_Q3_K = 9,
    TK_Q4_K = 10,
    TK_Q5_K = 11,
    TK_Q6_K = 12,
    TK_IQ4_NL = 13,
    TK_IQ4_XS = 14,
    TK_MXFP4 = 15,
} tk_type;

/// Columns in a block of the type: 1 for F32, F16 and BF16, else 32 or 256. A row holds whole blocks.
size_t tk_block_columns(tk_type type);
/// Bytes of a block of one row.
size_t tk_block_bytes(tk_type type);

/// Bytes of one panel with `columns` columns (whole blocks).
size_t tk_panel_bytes(tk_type type, size_t columns);

/// Widens a row in the file's format: out [columns], `source` of any alignment. Bit for bit what ggml's and gguf-py's
/// dequantizers give (but a NaN may be another NaN): per element ((scale * sub-scale) * quant) + offset.
void tk_dequantize_row(tk_type type, float *out, const void *source, size_t columns);

/// Packs up to 16 rows into one panel. `source`: rows of the file's own format, `row_stride` bytes apart;
/// rows from `rows` (1...16) on are filled with zeros.
void tk_pack_panel(tk_type type, void *panel, const void *source, size_t row_stride, size_t rows, size_t columns);

/// The same for a matrix stored transposed, [columns, all rows], element types F32, F16 and BF16 only:
/// element (row r, column c) lies at `source + c * column_stride + r * element size`.
void tk_pack_panel_transposed(
    tk_type type, void *panel, const void *source, size_t column_stride, size_t rows, size_t columns);

/// Reads row `row` (0..<16) of a panel back as float, as `tk_dequantize_row` does: out [columns].
void tk_unpack_row(tk_type type, float *out, const void *panel, size_t row, size_t columns);

// MARK: Quantizing

/// Writes x [columns], whole blocks, as one row of a file's format: F32, F16 and BF16 rounded to nearest even; Q8_0,
/// Q4_0, Q4_1, Q5_0, Q5_1 and MXFP4 byte for byte as ggml's reference quantizers; the other types by searches of the
/// same kind as ggml's without an importance matrix, with no larger error. The same bytes on every machine. In a
/// quantized type a value that is not finite counts as 0; see `tk_all_finite`.
void tk_quantize_row(tk_type type, void *out, const float *x, size_t columns);

/// 1 where no value is infinite or NaN, else 0.
int tk_all_finite(const float *x, size_t count);

// MARK: Matrix products

/// 32 columns of one token's activations: value = scale * quant.
typedef struct {
    int8_t quants[TK_BLOCK];  ///< in -127...127
    float scale;
    int32_t biased_sum;  ///< -128 times the sum of all quants: what makes up for weights that count from -128
    float scaled_sum;    ///< scale * (float)(sum of all quants)
    int16_t halves[2];   ///< the sums of the quants of the first and second 16 columns, each in -2032...2032
} tk_quantized_block;

/// Tokens whose blocks of the same columns lie side by side.
#define TK_TOKEN_GROUP 8

/// Quantized activations [tokens, columns]: tokens in groups of 8 (the last group may have fewer), each group
/// [columns / 32][tokens of the group] blocks. So a tile of tokens reads one stretch of memory.
typedef struct {
    tk_quantized_block *blocks;  ///< tokens * columns / 32 of them
    size_t tokens;
} tk_quantized;

/// Quantizes x [count], the columns first ..< first + count (multiples of 32) of a token of `out`, whose rows have
/// `columns` columns. Per block: amax = max |x|, scale = amax / 127, quant = round to nearest even(x * (127 / amax)), which
/// lies in -127...127. A block whose amax is below 2^-120 (127 / amax could overflow) counts as all zero: scale 0, quants
/// 0. A block that holds a value that is not finite has scale NaN and quants 0.
void tk_quantize(tk_quantized out, size_t columns, size_t token, size_t first, const float *x, size_t count);

/// out[t * out_stride + r] = sum over k of w[r, k] * x[t, k] for F32, F16 and BF16 panels, r in 0..<rows.
/// Order: acc = 0; for k = 0..<columns: acc = fma(w as float, x[t, k], acc).
/// `panels`: ceil(rows / 16) consecutive panels; x [tokens, columns]; nothing is written past column `rows` of out.
void tk_matmul_float(
    tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
    size_t columns);

/// The same for panels of all other types and the quantized activations of the tokens first ..< first + count, the rows
/// 0 ..< count of out; columns a multiple of the type's block.
///
/// Every type is read as blocks of 32 columns: weight = scale * sub[h] * quant + offset[h], h = 0 for the first and 1
/// for the second 16 columns, quants and sub-scales integers, scale and offsets float:
///  Q8_0, Q4_0, Q5_0, IQ4_NL, MXFP4: the file's scale; sub-scales 1; no offset.
///  Q4_1, Q5_1: the file's scale and minimum; sub-scales 1; one offset, the minimum.
///  IQ4_XS: scale = d * (6-bit scale - 32); sub-scales 1; no offset.
///  Q4_K, Q5_K: scale = d * (6-bit scale); sub-scales 1; one offset, -(dmin * (6-bit minimum)).
///  Q3_K, Q6_K: scale = d; sub-scales the 6-bit (minus 32) or 8-bit scales; no offset.
///  Q2_K: scale = d; sub-scales the 4-bit scales; offsets -(dmin * (4-bit minimum)).
/// Order: acc = 0; for each 32 columns:
///  s = exact int32 sum of sub * quant * x quant (at most 2 * 16 * 128 * 32 * 127 < 2^24 in magnitude, in Q6_K);
///  acc = fma((float)s, scale * x scale, acc);
///  with one offset: acc = fma(offset, scaled sum of x, acc);
///  with two: acc = fma(offset[h], x scale * (float)halves[h], acc), h = 0, then 1.
/// Any bytes are a valid block: Q8_0 quants of -128 too.
void tk_matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
    size_t rows, size_t columns);

// MARK: Rows

/// out[i] = x[i] * r * weight[i] with r = 1 / sqrt(mean(x^2) + epsilon); partial sums by fma(x, x, partial).
/// The mean is reduction / (float)count. Order per element: (x[i] * r) * weight[i]. out may be x.
void tk_rms_norm(float *out, const float *x, const float *weight, size_t count, float epsilon);

/// out[i] = fma((x[i] - mean) * r, weight[i], bias[i]), r = 1 / sqrt(variance + epsilon); the variance is the mean of
/// (x - mean)^2, summed by fma(x - mean, x - mean, partial). out may be x.
void tk_layer_norm(float *out, const float *x, const float *weight, const float *bias, size_t count, float epsilon);

/// x[i] += y[i].
void tk_add(float *x, const float *y, size_t count);

/// x[i] *= factor.
void tk_scale(float *x, size_t count, float factor);

/// x[i] = cap * tanh(x[i] / cap), tanh(u) = 1 - 2 / (exp(u + u) + 1). cap > 0.
void tk_softcap(float *x, size_t count, float cap);

/// gate[i] = silu(gate[i]) * up[i], silu(x) = x / (1 + exp(-x)). silu(-infinity) is NaN, as in other implementations.
void tk_silu_multiply(float *gate, const float *up, size_t count);

/// gate[i] = (u + 1) * (g / (1 + exp(-(alpha * g)))) with g = min(gate[i], limit) and u = up[i] clamped to -limit...limit:
/// the activation of gpt-oss. limit > 0.
void tk_clamped_swiglu(float *gate, const float *up, size_t count, float alpha, float limit);

/// x[i] = fma(factor, y[i], x[i]).
void tk_add_scaled(float *x, const float *y, float factor, size_t count);

/// x[i] = exp(x[i] - max) / (sum of exp(x[j] - max)): exp is `tk_exp`'s, the sum is a reduction as described on top.
/// A NaN or infinite maximum makes every result NaN. count >= 1.
void tk_softmax(float *x, size_t count);

/// x[i] = 1 / (1 + exp(-x[i])): exp is `tk_exp`'s.
void tk_sigmoid(float *x, size_t count);

/// The indices of the `chosen_count` (1...count) largest values, in ascending order of index. Equal values: the lower
/// index goes first; NaN counts as smaller than everything.
void tk_choose_largest(uint32_t *chosen, size_t chosen_count, const float *x, size_t count);

/// x[i] = gelu(x[i]), the tanh form: 0.5 x (1 + tanh(u)), u = sqrt(2 / pi) (x + 0.044715 x^3), computed as the equal
/// x / (1 + exp(-(x * fma(x * x, c3, c1)))) with c1 = 2 sqrt(2 / pi), c3 = 0.044715 c1.
void tk_gelu_tanh(float *x, size_t count);

/// x[i] = gelu(x[i]), the exact form: x Phi(x) = x (1 + erf(x / sqrt(2))) / 2, computed as max(x, 0) - t * (exp(-0.5 * (t *
/// t)) * (R(z) * z)) with t the smaller of |x| and 20, z = 1 / fma(t, P, 1) and R a polynomial by Horner's rule in fma
/// (Numbers/elementary.h): within 3e-7, and within 1e-5 of what is true of it where that is normal. NaN stays NaN.
void tk_gelu_erf(float *x, size_t count);

/// gate[i] = gelu(gate[i]) * up[i], gelu as in `tk_gelu_tanh`.
void tk_gelu_multiply(float *gate, const float *up, size_t count);

/// x[i] = exp(x[i] - shift): the polynomial used everywhere else (at most 2 ulp; 0 below -104, infinity above 88.73;
/// NaN stays NaN).
void tk_exp(float *x, size_t count, float shift);

/// Index of the largest value, the lowest such index on a tie; NaN counts as smaller than everything. count >= 1.
size_t tk_argmax(const float *x, size_t count);

/// log(sum over i of exp(x[i])) as maximum + log(sum of exp(x[i] - maximum)): exp is `tk_exp`'s, the sum runs over 16
/// double partials as described on top. `maximum`: x[tk_argmax(x)]. One that is infinite is the result; otherwise NaN
/// makes it NaN. count >= 1.
double tk_log_sum_exp(const float *x, size_t count, float maximum);

/// Natural logarithm, the same on every machine (own code, about 1 ulp of double).
double tk_log(double x);

/// base ^ exponent for base > 0, the same on every machine; results are held within exp(-700) and exp(700).
double tk_power(double base, double exponent);

// MARK: Vocabulary-sized rows, for sampling

/// out[i] = exp((x[i] - maximum) / temperature), 0 where that is no number: exp is `tk_exp`'s. Returns the sum, over 16
/// double partials as described on top. maximum finite, temperature > 0 and finite.
double tk_exp_scaled(float *out, const float *x, size_t count, float maximum, float temperature);

/// The indices of the k largest values above -infinity, or of all if these are fewer, in descending order of value; the
/// lower index goes first among equals. Returns how many. `indices`: room for k.
size_t tk_top_k(uint32_t *indices, size_t k, const float *x, size_t count);

/// Ranges that `tk_logit_division` divides values into.
#define TK_LOGIT_RANGES 1024

/// Ranges of values below a finite maximum. The range of x is the integer part of (maximum - x) * scale, or the last one
/// where that is larger or no number: no value is in an earlier range than a larger one. No value is above maximum.
typedef struct {
    float maximum, scale;
} tk_division;

/// The division whose ranges cover the values from the maximum down to the lowest one above -infinity, or down to
/// maximum - 104 * temperature where that is higher: below it `tk_exp_scaled` gives 0.
tk_division tk_logit_division(const float *x, size_t count, float maximum, float temperature);

/// masses[r] = sum of the weights that are at least `floor` of the values x in range r: element i is added to partial
/// i % 4, in order of i, and the partials as (0 + 2) + (1 + 3). masses [TK_LOGIT_RANGES].
void tk_range_masses(
    double *masses, const float *x, const float *weights, size_t count, tk_division division, float floor);

/// The indices of the values in a range, in ascending order, NaN left out. Returns how many. `indices`: room for count.
size_t tk_range_members(uint32_t *indices, const float *x, size_t count, tk_division division, uint32_t range);

// MARK: Rotary positions

/// frequencies[i] = 1 / base ^ (2 i / dimensions), i in 0..<dimensions / 2. The exponent, the power and the quotient are
/// each rounded to float, as models were trained with them; the power itself is own double arithmetic.
void tk_rope_frequencies(float *frequencies, size_t dimensions, double base);

/// cosines[i], sines[i] of (float)position * frequencies[i] (the product rounded to float), i in 0..<count; own code,
/// reduced in double: correct to 1 ulp of float for every position up to 2^24. `frequencies` may be `cosines`.
void tk_rope_angles(float *cosines, float *sines, const float *frequencies, size_t count, uint32_t position);

/// Rotates `heads` consecutive heads of `head_size` floats in place. The first 2 * count values of each head turn, the
/// rest stay. paired_halves 0: pairs (2i, 2i + 1), as in GGUF Llama files; 1: pairs (i, i + count), as in Hugging Face.
/// Order: a' = fma(a, cos, -(b * sin)), b' = fma(a, sin, b * cos).
void tk_rope(
    float *x, size_t heads, size_t head_size, const float *cosines, const float *sines, size_t count,
    int paired_halves);

// MARK: Attention over paged keys and values

/// Positions in a KV block.
#define TK_KV_BLOCK 32
/// Positions in a segment: what attention over a long context is divided into.
#define TK_ATTENTION_SEGMENT 512

/// How keys and values are stored.
typedef enum {
    TK_KV_F32 = 0,
    TK_KV_F16 = 1,   ///< rounded to nearest even
    TK_KV_Q8_0 = 2,  ///< per position and 32 elements of a head (the last may be fewer): an f16 scale and int8 quants
} tk_kv_type;

/// Bytes of one KV block of one layer. Keys, KV head by KV head: [head_size][32 positions] elements, in Q8_0 followed by
/// f16 scales [ceil(head_size / 32)][32 positions]. Then values likewise: [32 positions][head_size] elements, in Q8_0
/// followed by scales [32 positions][ceil(head_size / 32)].
size_t tk_kv_block_bytes(tk_kv_type type, size_t kv_heads, size_t head_size);

/// Stores one token's key and value, each [kv_heads, head_size], at `position_in_block` of a block. Q8_0: with amax the
/// largest magnitude of 32 elements, scale = f16(amax / 127) and quant = round to nearest even(x * (127 / amax)); all
/// zero where amax is below 2^-120; where a value is not finite the scale is NaN and the quants are 0.
void tk_kv_store(
    tk_kv_type type, void *block, const float *key, const float *value, size_t kv_heads, size_t head_size,
    size_t position_in_block);

/// What the attention of a layer computes.
typedef struct {
    tk_kv_type type;
    size_t kv_heads;
    size_t heads_per_kv_head;  ///< consecutive query heads that share a KV head
    size_t head_size;
    size_t window;       ///< positions that a token sees, itself included; 0: all up to it
    size_t chunk;        ///< or positions that see no others before them, 0 ..< chunk and so on; 0: there are no such
    float scale;         ///< what query . key is multiplied by
    float softcap;       ///< scores s become softcap * tanh(s / softcap) as in `tk_softcap`; 0: they stay
    const float *sinks;  ///< [all heads]: the score of a position without a value; NULL: there is none
} tk_attention_shape;

/// Consecutive tokens of one sequence.
typedef struct {
    const float *queries;       ///< of the first token: [all heads, head_size]
    size_t query_stride;        ///< floats from one token's queries to the next
    const void *const *blocks;  ///< blocks[b] holds positions 32 b ..< 32 b + 32
    size_t position;            ///< of the first token
    size_t count;
} tk_attention_tokens;

/// Attention of the query heads of one KV head: out of a token [all heads, head_size], `out_stride` floats apart; only
/// these heads are written. A token at position p sees p + 1 - window ..< p + 1, or with chunks p / chunk * chunk ..< p + 1.
/// What lies outside of that is not looked at (it may hold anything, NaN included), and blocks that hold none of it may be
/// null.
///
/// Order. Positions are divided into segments of 512 (0 ..< 512, ...). Each segment that holds some has a state of its own:
/// m = -infinity, sum = 0, acc = 0; block by block of those that hold one: score[p] = scale * (chain of fma over head_size
/// from 0), capped where there is a softcap; m' = the largest of m and the scores; c = exp(m - m'), 0 where m is
/// -infinity; e[p] = exp(score[p] - m'), element p % 32 of 32, 0 for a p outside; sum = fma(sum, c, reduction of e as on
/// top); acc[d] = acc[d] * c, then for p in order: acc[d] = fma(e[p], v[p][d], acc[d]). The states are then merged in
/// order, from the sink's (m = sink, sum = 1, acc = 0) or an empty one: with m' the larger m, a = exp(m - m'),
/// b = exp(m of the segment - m'), each 0 where its m is -infinity: sum = fma(sum, a, b * segment's), acc likewise. At the
/// end out[d] = acc[d] / sum. (An empty state merged with another is the other.)
/// A stored element is widened to float first: Q8_0 as scale * quant.
void tk_attention(
    const tk_attention_shape *shape, const tk_attention_tokens *tokens, size_t kv_head, float *out, size_t out_stride);

/// Floats of the state of one segment for the query heads of one KV head and `count` tokens.
size_t tk_attention_state_floats(const tk_attention_shape *shape, size_t count);

/// The state of one segment, to be merged later: so that segments can be computed apart. A segment that holds no position
/// of any token has an empty state.
void tk_attention_segment(
    const tk_attention_shape *shape, const tk_attention_tokens *tokens, size_t kv_head, size_t segment, float *state);

/// What `tk_attention` gives, from the states of the segments 0 ..< segments, which follow each other.
void tk_attention_merge(
    const tk_attention_shape *shape, const tk_attention_tokens *tokens, size_t kv_head, const float *states,
    size_t segments, float *out, size_t out_stride);

// MARK: Limits of the machine

/// The sum of all 64-bit words of `memory`, modulo 2^64: reading and next to nothing else, eight parts side by side.
/// `memory` is aligned to 8 bytes; `bytes` is a multiple of 512.
uint64_t tk_limit_read(const void *memory, size_t bytes);

/// Multiplies and adds int8 with the widest instruction of the level, operands and sums in registers: all operands are 1,
/// so the sum of all sums, the result, is the number of multiply-adds. A step is a hundred or several. steps <= 2^24.
uint64_t tk_limit_int8(size_t steps);

/// The same with fused multiply-adds of float.
uint64_t tk_limit_float(size_t steps);

#endif
