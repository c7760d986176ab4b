// The searches for a block's scale (and minimum): many first guesses, each improved by least squares, the best kept.
//
// Responsible for: the quality of the K types. The idea is that of llama.cpp's make_qx_quants and make_qkx2_quants.
// Must not know: how blocks lie in a file.
//
// Sums run over 8 partial results (element i goes to partial i % 8), combined as a tree, so that they can be computed
// eight at a time and are the same everywhere.

#include "Quantizers/quantizers.h"

/// Eight elements at a time, whatever the processor's registers hold.
typedef float lanes __attribute__((ext_vector_type(8)));

#define LANES 8
#define LOAD(pointer) (*(const unaligned_lanes *)(pointer))
typedef lanes unaligned_lanes __attribute__((aligned(4), may_alias));

/// The codes of `values`, as `tk_code` makes one.
#define CODES(values, low, high) \
    ((__builtin_elementwise_min(__builtin_elementwise_max((values), (lanes)(low)), (lanes)(high)) + 0x1.8p23f) - 0x1.8p23f)

static inline float sum_of(const lanes *p) {
    const lanes v = *p;
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

// MARK: x ≈ scale * q

TK_WIDE float tk_search_scale(const float *x, const float *weight, size_t count, int half) {
    const float extreme = tk_extreme(x, count);
    if (fabsf(extreme) < TK_SMALLEST_WEIGHT) return 0;
    float best = 0, best_gain = 0;
    for (int step = -9; step <= 9; step++) {
        const float inverse = -((float)half + 0.1f * (float)step) / extreme;
        lanes xq_sums = 0, qq_sums = 0;
        for (size_t i = 0; i < count; i += LANES) {
            const lanes q = CODES(LOAD(x + i) * inverse, (float)-half, (float)(half - 1)), wq = LOAD(weight + i) * q;
            xq_sums += wq * LOAD(x + i);
            qq_sums += wq * q;
        }
        // The error of the least squares scale xq / qq is the sum of weight * x^2 less this gain.
        const float xq = sum_of(&xq_sums), qq = sum_of(&qq_sums);
        if (qq > 0 && xq * xq > best_gain * qq) {
            best = xq / qq;
            best_gain = xq * best;
        }
    }
    return best;
}

TK_WIDE float tk_scale_error(const float *x, const float *weight, size_t count, int half, float scale) {
    const float inverse = scale != 0 ? 1 / scale : 0;
    lanes sums = 0;
    for (size_t i = 0; i < count; i += LANES) {
        const lanes error = CODES(LOAD(x + i) * inverse, (float)-half, (float)(half - 1)) * scale - LOAD(x + i);
        sums += LOAD(weight + i) * (error * error);
    }
    return sum_of(&sums);
}

// MARK: x ≈ scale * q - minimum

/// The sums of least squares for q = code((x - low) * inverse).
typedef struct {
    float w, x, q, qq, xq;
} affine_sums;

/// The least squares scale and minimum. False where all q are the same.
static int solve(const affine_sums *s, tk_affine *out) {
    const float determinant = s->w * s->qq - s->q * s->q;
    if (!(determinant > 0)) return 0;
    out->scale = (s->w * s->xq - s->x * s->q) / determinant;
    out->minimum = (s->q * s->xq - s->qq * s->x) / determinant;
    if (out->minimum < 0) {
        out->minimum = 0;
        out->scale = s->xq / s->qq;
    }
    return out->scale > 0;
}

TK_WIDE float tk_affine_error(const float *x, const float *weight, size_t count, int top, tk_affine choice) {
    const float inverse = choice.scale > 0 ? 1 / choice.scale : 0;
    lanes sums = 0;
    for (size_t i = 0; i < count; i += LANES) {
        const lanes q = CODES((LOAD(x + i) + choice.minimum) * inverse, 0.0f, (float)top);
        const lanes error = (q * choice.scale - choice.minimum) - LOAD(x + i);
        sums += LOAD(weight + i) * (error * error);
    }
    return sum_of(&sums);
}

TK_WIDE tk_affine tk_search_affine(const float *x, const float *weight, size_t count, int top) {
    float low = 0, high = x[0];
    for (size_t i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    tk_affine best = {0, -low};
    if (!(high - low > TK_SMALLEST_WEIGHT)) return best;
    best.scale = (high - low) / (float)top;
    float best_error = tk_affine_error(x, weight, count, top, best);
    for (int step = 0; step <= 20; step++) {
        const float inverse = ((float)(top - 1) + 0.1f * (float)step) / (high - low);
        lanes w = 0, wx = 0, wq = 0, wqq = 0, wxq = 0;
        for (size_t i = 0; i < count; i += LANES) {
            const lanes value = LOAD(x + i), weighted = LOAD(weight + i);
            const lanes q = CODES((value - low) * inverse, 0.0f, (float)top), a = weighted * q;
            w += weighted;
            wx += weighted * value;
            wq += a;
            wqq += a * q;
            wxq += a * value;
        }
        const affine_sums sums = {sum_of(&w), sum_of(&wx), sum_of(&wq), sum_of(&wqq), sum_of(&wxq)};
        tk_affine choice;
        if (!solve(&sums, &choice)) continue;
        const float error = tk_affine_error(x, weight, count, top, choice);
        if (error < best_error) best_error = error, best = choice;
    }
    return best;
}
