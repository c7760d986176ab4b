// The table of a level's kernels, and which one is in use.
//
// Responsible for: what a level has to provide.
// Must not know: which level is in use, instruction sets.

#ifndef TANDEM_KERNELS_TABLE_H
#define TANDEM_KERNELS_TABLE_H

#include "kernels.h"
#include "recurrence.h"

/// Elements start..<end of a block.
typedef struct {
    size_t start, end;
} tk_span;

/// A query on its way through a segment: its state, and the positions of the block at work that it sees.
typedef struct {
    const float *query;
    float *acc;
    float maximum, sum;
    tk_span span;
} tk_attending;

/// Keys and values of one KV head in the block at work, `bytes` of each, and the keys of the next block that will be;
/// NULL: there is none.
typedef struct {
    const uint8_t *keys, *values, *next;
    size_t bytes;
} tk_kv_head;

/// One level's kernels; each member's contract is that of the `tk_` function of the same name.
typedef struct {
    /// Blocks of a token `distance` blocks apart.
    void (*quantize)(tk_quantized_block *out, size_t distance, const float *x, size_t blocks);
    void (*matmul_float)(
        tk_type type, float *out, size_t out_stride, const void *panels, const float *x, size_t tokens, size_t rows,
        size_t columns);
    void (*matmul_quantized)(
        tk_type type, float *out, size_t out_stride, const void *panels, tk_quantized x, size_t first, size_t count,
        size_t rows, size_t columns);
    void (*rms_norm)(float *out, const float *x, const float *weight, size_t count, float epsilon);
    void (*layer_norm)(
        float *out, const float *x, const float *weight, const float *bias, size_t count, float epsilon);
    void (*add)(float *x, const float *y, size_t count);
    void (*scale)(float *x, size_t count, float factor);
    void (*softcap)(float *x, size_t count, float cap);
    void (*silu_multiply)(float *gate, const float *up, size_t count);
    void (*gelu_tanh)(float *x, size_t count);
    void (*gelu_erf)(float *x, size_t count);
    void (*clamped_swiglu)(float *gate, const float *up, size_t count, float alpha, float limit);
    void (*add_scaled)(float *x, const float *y, float factor, size_t count);
    void (*gelu_multiply)(float *gate, const float *up, size_t count);
    void (*exp)(float *x, size_t count, float shift);
    size_t (*argmax)(const float *x, size_t count);
    /// The reduction over 16 double partials of exp(x[i] - shift); shift is not infinite.
    double (*sum_exp)(const float *x, size_t count, float shift);
    double (*exp_scaled)(float *out, const float *x, size_t count, float maximum, float temperature);
    /// The first index from `start` on whose value is above `bound`; count where there is none.
    size_t (*find_above)(const float *x, size_t start, size_t count, float bound);
    void (*rope)(
        float *x, size_t heads, size_t head_size, const float *cosines, const float *sines, size_t count,
        int paired_halves);
    /// One KV block: the states of some queries go on over their spans, none of which is empty.
    void (*attend)(const tk_attention_shape *shape, tk_attending *queries, size_t count, tk_kv_head head);
    /// x[i] = fma(x[i], a, y[i] * b).
    void (*merge)(float *x, const float *y, size_t count, float a, float b);
    void (*gate)(float *x, const float *gate, size_t count);
    /// The columns first ..< values.
    void (*delta_rule)(const tk_delta_step *step, float *state, float *out, size_t first, size_t values);
} tk_kernels;

/// Those of the level in use.
const tk_kernels *tk_current_kernels(void);

extern const tk_kernels tk_kernels_portable;
#if defined(__x86_64__)
extern const tk_kernels tk_kernels_avx2;
extern const tk_kernels tk_kernels_avx_vnni;
extern const tk_kernels tk_kernels_avx512;
extern const tk_kernels tk_kernels_avx512_vnni;
#endif

/// The kernel of the level in use.
size_t tk_find_above(const float *x, size_t start, size_t count, float bound);

#endif
