// The definition of every kernel's result, in plain C: what each SIMD variant reproduces bit for bit.
//
// Responsible for: the order of operations. Written to be read; it also serves processors without a variant.
// Must not know: instruction sets.

#include "Formats/activations.h"
#include "Formats/formats.h"
#include "Formats/keys_values.h"
#include "Levels/kernels_table.h"
#include "Numbers/elementary.h"
#include "Numbers/scalar_elementary.h"
#include "Recurrence/delta_rule.h"

#include <math.h>

// MARK: Matrix products

static void quantize_block(tk_quantized_block *out, const float *x) {
    uint32_t bits = 0;  // magnitudes compare as integers, infinities and NaN last
    for (size_t i = 0; i < TK_BLOCK; i++) {
        const uint32_t magnitude = tk_bits_of_float(x[i]) & 0x7fffffff;
        bits = magnitude > bits ? magnitude : bits;
    }
    const float amax = tk_float_of_bits(bits);
    const int is_finite = bits < 0x7f800000;
    if (!is_finite || amax < TK_QUANTIZE_SMALLEST) {
        tk_clear_block(out, is_finite);
        return;
    }
    const float inverse = 127.0f / amax;
    out->halves[0] = out->halves[1] = 0;
    for (size_t i = 0; i < TK_BLOCK; i++) {
        const float shifted = x[i] * inverse + TK_EXP_ROUNDER;  // rounds to an integer, nearest even
        const int32_t quant = (int32_t)(shifted - TK_EXP_ROUNDER);
        out->quants[i] = (int8_t)quant;
        out->halves[i / 16] += (int16_t)quant;
    }
    tk_finish_block(out, amax);
}

static void quantize(tk_quantized_block *out, size_t distance, const float *x, size_t blocks) {
    for (size_t b = 0; b < blocks; b++) quantize_block(out + b * distance, x + b * TK_BLOCK);
}

/// One panel's weights of column k as floats: out [16].
static inline void widen(tk_type type, float *out, const void *panel, size_t k) {
    const uint16_t *halves = (const uint16_t *)panel + k * TK_PANEL_ROWS;
    switch (type) {
    case TK_F16:
        for (size_t r = 0; r < TK_PANEL_ROWS; r++) out[r] = tk_float_of_half(tk_load_u16(halves + r));
        break;
    case TK_BF16:
        for (size_t r = 0; r < TK_PANEL_ROWS; r++) out[r] = tk_float_of_bfloat(tk_load_u16(halves + r));
        break;
    default:
        memcpy(out, (const float *)panel + k * TK_PANEL_ROWS, TK_PANEL_ROWS * sizeof(float));
    }
}

static void matmul_float(
    tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
    size_t columns) {
    const size_t panel_bytes = tk_panel_bytes(type, columns);
    for (size_t row = 0; row < rows; row += TK_PANEL_ROWS) {
        const void *panel = (const uint8_t *)panels + row / TK_PANEL_ROWS * panel_bytes;
        const size_t height = rows - row < TK_PANEL_ROWS ? rows - row : TK_PANEL_ROWS;
        for (size_t t = 0; t < tokens; t++) {
            float acc[TK_PANEL_ROWS] = {0}, w[TK_PANEL_ROWS];
            for (size_t k = 0; k < columns; k++) {
                const float value = x[t * columns + k];
                widen(type, w, panel, k);
                for (size_t r = 0; r < TK_PANEL_ROWS; r++) acc[r] = __builtin_fmaf(w[r], value, acc[r]);
            }
            memcpy(out + t * out_stride + row, acc, height * sizeof(float));
        }
    }
}

/// 32 columns of a panel, decoded, quants as [8 groups][16 rows][4] like in Q8_0 panels.
typedef struct {
    float scale[TK_PANEL_ROWS];
    float offset[2][TK_PANEL_ROWS];
    int32_t sub[2][TK_PANEL_ROWS];
    int8_t quants[8][TK_PANEL_ROWS][4];
} panel_part;

/// Decodes all parts of a panel's block.
static void decode_panel_block(tk_type type, panel_part *out, const uint8_t *panel_block) {
    const int has_offsets = tk_offset_count(type) > 0;
    if (type == TK_Q8_0) {  // has the same layout
        for (size_t r = 0; r < TK_PANEL_ROWS; r++) out->scale[r] = tk_float_of_half(tk_load_u16(panel_block + 2 * r));
        for (size_t r = 0; r < TK_PANEL_ROWS; r++) out->sub[0][r] = out->sub[1][r] = 1;
        memcpy(out->quants, panel_block + 2 * TK_PANEL_ROWS, sizeof out->quants);
        return;
    }
    uint8_t block[TK_BLOCK_BYTES_LIMIT];
    tk_part row;
    for (size_t r = 0; r < TK_PANEL_ROWS; r++) {
        tk_extract_block(type, block, panel_block, r);
        for (size_t p = 0; p < tk_formats[type].columns / TK_BLOCK; p++) {
            tk_decode_part(type, &row, block, p);
            out[p].scale[r] = row.scale;
            for (size_t h = 0; h < 2; h++) {
                out[p].offset[h][r] = has_offsets ? row.offset[h] : 0;
                out[p].sub[h][r] = row.sub[h];
            }
            for (size_t g = 0; g < 8; g++) memcpy(out[p].quants[g][r], row.quants + 4 * g, 4);
        }
    }
}

/// acc [16] += 32 columns times the quants of one token, in the order that kernels.h gives.
static void accumulate_part(tk_type type, float *acc, const panel_part *part, const tk_quantized_block *x) {
    int32_t dots[2][TK_PANEL_ROWS] = {0};
    for (size_t g = 0; g < 8; g++) {
        for (size_t r = 0; r < TK_PANEL_ROWS; r++) {
            const int8_t *w = part->quants[g][r], *v = x->quants + 4 * g;
            dots[g / 4][r] += w[0] * v[0] + w[1] * v[1] + w[2] * v[2] + w[3] * v[3];
        }
    }
    for (size_t r = 0; r < TK_PANEL_ROWS; r++) {
        const int32_t dot = part->sub[0][r] * dots[0][r] + part->sub[1][r] * dots[1][r];
        acc[r] = __builtin_fmaf((float)dot, part->scale[r] * x->scale, acc[r]);
    }
    const size_t offsets = tk_offset_count(type);
    const float first = offsets == 1 ? x->scaled_sum : x->scale * (float)x->halves[0];
    const float second = x->scale * (float)x->halves[1];
    for (size_t r = 0; r < TK_PANEL_ROWS && offsets > 0; r++) {
        acc[r] = __builtin_fmaf(part->offset[0][r], first, acc[r]);
        if (offsets == 2) acc[r] = __builtin_fmaf(part->offset[1][r], second, acc[r]);
    }
}

/// Tokens that share the decoding of a panel.
#define TOKENS_AT_ONCE 32

static void matmul_quantized(
    tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
    size_t rows, size_t columns) {
    const size_t parts = columns / TK_BLOCK, block_parts = tk_formats[type].columns / TK_BLOCK;
    for (size_t row = 0; row < rows; row += TK_PANEL_ROWS) {
        const uint8_t *panel = (const uint8_t *)panels + row / TK_PANEL_ROWS * tk_panel_bytes(type, columns);
        const size_t height = rows - row < TK_PANEL_ROWS ? rows - row : TK_PANEL_ROWS;
        for (size_t start = 0; start < count; start += TOKENS_AT_ONCE) {
            const size_t end = count - start < TOKENS_AT_ONCE ? count : start + TOKENS_AT_ONCE;
            float acc[TOKENS_AT_ONCE][TK_PANEL_ROWS] = {0};
            panel_part decoded[TK_BLOCK_PARTS_LIMIT];
            const uint8_t *block = panel;
            for (size_t p = 0; p < parts; p++) {
                if (p % block_parts == 0) {
                    decode_panel_block(type, decoded, block);
                    block += tk_block_bytes(type) * TK_PANEL_ROWS;
                }
                for (size_t t = start; t < end; t++) {
                    const tk_quantized_block *from = tk_first_block(x, first + t, columns);
                    const size_t width = tk_group_width(x, first + t);
                    accumulate_part(type, acc[t - start], &decoded[p % block_parts], from + p * width);
                }
            }
            for (size_t t = start; t < end; t++) {
                memcpy(out + t * out_stride + row, acc[t - start], height * sizeof(float));
            }
        }
    }
}

// MARK: Rows

static void rms_norm(float *out, const float *x, const float *weight, size_t count, float epsilon) {
    float partial[16] = {0};
    for (size_t i = 0; i < count; i++) partial[i % 16] = __builtin_fmaf(x[i], x[i], partial[i % 16]);
    const float r = 1.0f / sqrtf(tk_reduce(partial) / (float)count + epsilon);
    for (size_t i = 0; i < count; i++) out[i] = (x[i] * r) * weight[i];
}

static void layer_norm(
    float *out, const float *x, const float *weight, const float *bias, size_t count, float epsilon) {
    float partial[16] = {0};
    for (size_t i = 0; i < count; i++) partial[i % 16] += x[i];
    const float mean = tk_reduce(partial) / (float)count;
    memset(partial, 0, sizeof partial);
    for (size_t i = 0; i < count; i++) {
        const float difference = x[i] - mean;
        partial[i % 16] = __builtin_fmaf(difference, difference, partial[i % 16]);
    }
    const float r = 1.0f / sqrtf(tk_reduce(partial) / (float)count + epsilon);
    for (size_t i = 0; i < count; i++) out[i] = __builtin_fmaf((x[i] - mean) * r, weight[i], bias[i]);
}

static void add(float *x, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] += y[i];
}

static void scale(float *x, size_t count, float factor) {
    for (size_t i = 0; i < count; i++) x[i] *= factor;
}

static void softcap(float *x, size_t count, float cap) {
    for (size_t i = 0; i < count; i++) x[i] = capped(x[i], cap);
}

static void silu_multiply(float *gate, const float *up, size_t count) {
    for (size_t i = 0; i < count; i++) gate[i] = gated(gate[i], gate[i]) * up[i];
}

static void clamped_swiglu(float *gate, const float *up, size_t count, float alpha, float limit) {
    for (size_t i = 0; i < count; i++) {
        // Comparisons are written so that NaN passes.
        const float g = limit < gate[i] ? limit : gate[i];
        float u = limit < up[i] ? limit : up[i];
        u = -limit > u ? -limit : u;
        gate[i] = (u + 1.0f) * gated(g, alpha * g);
    }
}

static void add_scaled(float *x, const float *y, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] = __builtin_fmaf(factor, y[i], x[i]);
}

static void gelu_tanh(float *x, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] = gelu(x[i]);
}

static void gelu_erf(float *x, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] = exact_gelu(x[i]);
}

static void gelu_multiply(float *gate, const float *up, size_t count) {
    for (size_t i = 0; i < count; i++) gate[i] = gelu(gate[i]) * up[i];
}

static void exp_shifted(float *x, size_t count, float shift) {
    for (size_t i = 0; i < count; i++) x[i] = exponential(x[i] - shift);
}

static size_t argmax(const float *x, size_t count) {
    float best = -INFINITY;
    for (size_t i = 0; i < count; i++) best = x[i] > best ? x[i] : best;
    for (size_t i = 0; i < count; i++) {
        if (x[i] == best) return i;
    }
    return 0;  // all NaN
}

static double sum_exp(const float *x, size_t count, float shift) {
    double partial[16] = {0};
    for (size_t i = 0; i < count; i++) partial[i % 16] += (double)exponential(x[i] - shift);
    return tk_reduce_double(partial);
}

static double exp_scaled(float *out, const float *x, size_t count, float maximum, float temperature) {
    double partial[16] = {0};
    for (size_t i = 0; i < count; i++) {
        const float difference = (x[i] - maximum) / temperature;
        out[i] = isnan(difference) ? 0.0f : exponential(difference);
        partial[i % 16] += (double)out[i];
    }
    return tk_reduce_double(partial);
}

static size_t find_above(const float *x, size_t start, size_t count, float bound) {
    while (start < count && !(x[start] > bound)) start++;
    return start;
}

// MARK: Rotary positions

static void rope(
    float *x, size_t heads, size_t head_size, const float *cosines, const float *sines, size_t count,
    int paired_halves) {
    for (size_t h = 0; h < heads; h++) {
        float *head = x + h * head_size;
        for (size_t i = 0; i < count; i++) {
            float *first = paired_halves ? head + i : head + 2 * i;
            float *second = paired_halves ? first + count : first + 1;
            const float a = *first, b = *second;
            *first = __builtin_fmaf(a, cosines[i], -(b * sines[i]));
            *second = __builtin_fmaf(a, sines[i], b * cosines[i]);
        }
    }
}

// MARK: Attention

/// Element `index` of `count` keys or values, whose scale, where they have any, is number `scale`.
static float widened(tk_kv_type type, const void *elements, size_t count, size_t index, size_t scale) {
    switch (type) {
    case TK_KV_F32: return ((const float *)elements)[index];
    case TK_KV_F16: return tk_float_of_half(tk_load_u16((const uint16_t *)elements + index));
    default: {
        const uint8_t *scales = (const uint8_t *)elements + count;
        return tk_float_of_half(tk_load_u16(scales + 2 * scale)) * (float)((const int8_t *)elements)[index];
    }
    }
}

static void attend_one(
    const tk_attention_shape *shape, tk_attending *state, const void *keys, const void *values) {
    const size_t head_size = shape->head_size, count = TK_KV_BLOCK * head_size;
    const tk_span span = state->span;
    float e[TK_KV_BLOCK] = {0};
    for (size_t d = 0; d < head_size; d++) {
        for (size_t p = span.start; p < span.end; p++) {
            const size_t scale = d / 32 * TK_KV_BLOCK + p;
            const float key = widened(shape->type, keys, count, d * TK_KV_BLOCK + p, scale);
            e[p] = __builtin_fmaf(state->query[d], key, e[p]);
        }
    }
    float raised = state->maximum;
    for (size_t p = span.start; p < span.end; p++) {
        e[p] *= shape->scale;
        if (shape->softcap != 0) e[p] = capped(e[p], shape->softcap);
        raised = e[p] > raised ? e[p] : raised;
    }
    const float correction = state->maximum == -INFINITY ? 0.0f : exponential(state->maximum - raised);
    state->maximum = raised;

    float partial[16] = {0};
    for (size_t p = span.start; p < span.end; p++) {
        e[p] = exponential(e[p] - raised);
        partial[p % 16] += e[p];
    }
    state->sum = __builtin_fmaf(state->sum, correction, tk_reduce(partial));
    for (size_t d = 0; d < head_size; d++) {
        float acc = state->acc[d] * correction;
        for (size_t p = span.start; p < span.end; p++) {
            const size_t scale = p * tk_kv_scales(head_size) + d / 32;
            acc = __builtin_fmaf(e[p], widened(shape->type, values, count, p * head_size + d, scale), acc);
        }
        state->acc[d] = acc;
    }
}

static void attend(const tk_attention_shape *shape, tk_attending *queries, size_t count, tk_kv_head head) {
    for (size_t q = 0; q < count; q++) attend_one(shape, queries + q, head.keys, head.values);
}

static void merge(float *x, const float *y, size_t count, float a, float b) {
    for (size_t i = 0; i < count; i++) x[i] = __builtin_fmaf(x[i], a, y[i] * b);
}

const tk_kernels tk_kernels_portable = {
    .quantize = quantize,
    .matmul_float = matmul_float,
    .matmul_quantized = matmul_quantized,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .add = add,
    .scale = scale,
    .softcap = softcap,
    .silu_multiply = silu_multiply,
    .gelu_tanh = gelu_tanh,
    .gelu_erf = gelu_erf,
    .clamped_swiglu = clamped_swiglu,
    .add_scaled = add_scaled,
    .gelu_multiply = gelu_multiply,
    .exp = exp_shifted,
    .argmax = argmax,
    .sum_exp = sum_exp,
    .exp_scaled = exp_scaled,
    .find_above = find_above,
    .rope = rope,
    .attend = attend,
    .merge = merge,
    .gate = tk_portable_gate,
    .delta_rule = tk_portable_delta_rule,
};
