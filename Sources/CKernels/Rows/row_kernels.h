// Kernels of rows for one vector width: a template over vectors_*.h, which stands before it.
//
// Responsible for: the results of kernels_portable.c, bit for bit, some elements at once. What is left of a row after
// whole vectors goes through the portable kernel.
// Must not know: which instructions there are.

#ifndef TANDEM_ROW_KERNELS_H
#define TANDEM_ROW_KERNELS_H

#include "Levels/kernels_table.h"
#include "Vectors/vector_math.h"

#include <math.h>

// MARK: Norms

INLINE void store_partials(float partial[16], const floats sums[VECTORS]) {
    for (size_t v = 0; v < VECTORS; v++) store_floats(partial + v * LANES, sums[v]);
}

static void rms_norm(float *out, const float *x, const float *weight, size_t count, float epsilon) {
    floats sums[VECTORS];
    for (size_t v = 0; v < VECTORS; v++) sums[v] = all_floats(0);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        for (size_t v = 0; v < VECTORS; v++) {
            const floats a = load_floats(x + i + v * LANES);
            sums[v] = multiply_add(a, a, sums[v]);
        }
    }
    float partial[16];
    store_partials(partial, sums);
    for (; i < count; i++) partial[i % 16] = __builtin_fmaf(x[i], x[i], partial[i % 16]);
    const float r = 1.0f / sqrtf(tk_reduce(partial) / (float)count + epsilon);
    for (i = 0; i < count; i++) out[i] = (x[i] * r) * weight[i];
}

static void layer_norm(
    float *out, const float *x, const float *weight, const float *bias, size_t count, float epsilon) {
    floats sums[VECTORS];
    for (size_t v = 0; v < VECTORS; v++) sums[v] = all_floats(0);
    float partial[16];
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        for (size_t v = 0; v < VECTORS; v++) sums[v] = sums[v] + load_floats(x + i + v * LANES);
    }
    store_partials(partial, sums);
    for (; i < count; i++) partial[i % 16] += x[i];
    const float mean = tk_reduce(partial) / (float)count;

    for (size_t v = 0; v < VECTORS; v++) sums[v] = all_floats(0);
    for (i = 0; i + 16 <= count; i += 16) {
        for (size_t v = 0; v < VECTORS; v++) {
            const floats difference = load_floats(x + i + v * LANES) - all_floats(mean);
            sums[v] = multiply_add(difference, difference, sums[v]);
        }
    }
    store_partials(partial, sums);
    for (; i < count; i++) {
        const float difference = x[i] - mean;
        partial[i % 16] = __builtin_fmaf(difference, difference, partial[i % 16]);
    }
    const float r = 1.0f / sqrtf(tk_reduce(partial) / (float)count + epsilon);
    for (i = 0; i < count; i++) out[i] = __builtin_fmaf((x[i] - mean) * r, weight[i], bias[i]);
}

// MARK: Element by element

static void softcap(float *x, size_t count, float cap) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store_floats(x + i, capped(load_floats(x + i), cap));
    tk_kernels_portable.softcap(x + i, count - i, cap);
}

static void silu_multiply(float *gate, const float *up, size_t count) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        const floats x = load_floats(gate + i);
        store_floats(gate + i, gated(x, x) * load_floats(up + i));
    }
    tk_kernels_portable.silu_multiply(gate + i, up + i, count - i);
}

static void gelu_tanh(float *x, size_t count) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store_floats(x + i, gelu(load_floats(x + i)));
    tk_kernels_portable.gelu_tanh(x + i, count - i);
}

static void gelu_erf(float *x, size_t count) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store_floats(x + i, exact_gelu(load_floats(x + i)));
    tk_kernels_portable.gelu_erf(x + i, count - i);
}

static void gelu_multiply(float *gate, const float *up, size_t count) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        store_floats(gate + i, gelu(load_floats(gate + i)) * load_floats(up + i));
    }
    tk_kernels_portable.gelu_multiply(gate + i, up + i, count - i);
}

static void exp_shifted(float *x, size_t count, float shift) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store_floats(x + i, exponential(load_floats(x + i) - all_floats(shift)));
    tk_kernels_portable.exp(x + i, count - i, shift);
}

// MARK: Searches

/// Vectors that are looked at together.
#define LOOKS 4

INLINE uint32_t fitting_lanes(floats values, floats bounds, int equal) {
    return equal ? lanes_equal(values, bounds) : lanes_above(values, bounds);
}

/// The first index from `start` on whose value is equal to `bound`, or above it; count where there is none.
INLINE size_t find(const float *x, size_t start, size_t count, float bound, int equal) {
    const floats bounds = all_floats(bound);
    size_t i = start;
    for (; i + LOOKS * LANES <= count; i += LOOKS * LANES) {
        uint64_t fits = 0;
        for (size_t j = 0; j < LOOKS; j++) {
            fits |= (uint64_t)fitting_lanes(load_floats(x + i + j * LANES), bounds, equal) << (j * LANES);
        }
        if (fits != 0) return i + (size_t)__builtin_ctzll(fits);
    }
    for (; i < count; i += LANES) {
        const floats values = load_first(x + i, count - i < LANES ? count - i : LANES, NAN);  // NaN never fits
        const uint32_t fits = fitting_lanes(values, bounds, equal);
        if (fits != 0) return i + (size_t)__builtin_ctz(fits);
    }
    return count;
}

static size_t find_above(const float *x, size_t start, size_t count, float bound) {
    return find(x, start, count, bound, 0);
}

static size_t argmax(const float *x, size_t count) {
    floats most[LOOKS];
    for (size_t j = 0; j < LOOKS; j++) most[j] = all_floats(-INFINITY);
    size_t i = 0;
    for (; i + LOOKS * LANES <= count; i += LOOKS * LANES) {  // NaN is passed over
        for (size_t j = 0; j < LOOKS; j++) most[j] = larger(load_floats(x + i + j * LANES), most[j]);
    }
    for (; i + LANES <= count; i += LANES) most[0] = larger(load_floats(x + i), most[0]);
    float best = largest_lane(larger(larger(most[0], most[1]), larger(most[2], most[3])));
    for (; i < count; i++) best = x[i] > best ? x[i] : best;
    const size_t place = find(x, 0, count, best, 1);
    return place < count ? place : 0;  // all NaN
}

// MARK: Sums of exponentials

/// 16 partial results of double.
typedef struct {
    doubles of[2 * VECTORS];
} partial_doubles;

/// Adds the vectors of 16 values to the 16 partials.
INLINE void add_doubles(partial_doubles *partial, size_t v, floats values) {
    partial->of[2 * v] = partial->of[2 * v] + widen_first(values);
    partial->of[2 * v + 1] = partial->of[2 * v + 1] + widen_second(values);
}

INLINE void store_double_partials(double sums[16], const partial_doubles *partial) {
    for (size_t j = 0; j < 2 * VECTORS; j++) store_doubles(sums + j * LANES / 2, partial->of[j]);
}

/// Adds exp(x[0..<16] - shift) to the 16 partials.
INLINE void add_exp(partial_doubles *partial, const float *x, float shift) {
    for (size_t v = 0; v < VECTORS; v++) {
        add_doubles(partial, v, exponential(load_floats(x + v * LANES) - all_floats(shift)));
    }
}

static double sum_exp(const float *x, size_t count, float shift) {
    partial_doubles partial = {0};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) add_exp(&partial, x + i, shift);
    if (i < count) {
        float rest[16];
        for (size_t j = 0; j < 16; j++) rest[j] = i + j < count ? x[i + j] : -INFINITY;  // adds exp(-infinity) = 0
        add_exp(&partial, rest, shift);
    }
    double sums[16];
    store_double_partials(sums, &partial);
    return tk_reduce_double(sums);
}

static double exp_scaled(float *out, const float *x, size_t count, float maximum, float temperature) {
    partial_doubles partial = {0};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        for (size_t v = 0; v < VECTORS; v++) {
            const floats difference =
                (load_floats(x + i + v * LANES) - all_floats(maximum)) / all_floats(temperature);
            const floats power = where_number(exponential(difference), difference);
            store_floats(out + i + v * LANES, power);
            add_doubles(&partial, v, power);
        }
    }
    double sums[16];
    store_double_partials(sums, &partial);
    tk_kernels_portable.exp_scaled(out + i, x + i, count - i, maximum, temperature);
    for (; i < count; i++) sums[i % 16] += (double)out[i];
    return tk_reduce_double(sums);
}

#endif
