// The best of a vocabulary, and the masses of ranges of it, for choosing one token.
//
// Responsible for: the parts that have no variant for each instruction set; they use those of the level.
// Must not know: tokens, probabilities, random numbers.

#include "Levels/kernels_table.h"

#include <math.h>
#include <string.h>

// MARK: The largest values

/// True where index a comes after index b in descending order of value.
static inline int comes_after(const float *x, uint32_t a, uint32_t b) {
    return x[a] < x[b] || (x[a] == x[b] && a > b);
}

/// Puts `index` in place of the root of a heap whose root is the last in order, and lets it sink.
static void replace_root(uint32_t *heap, size_t size, const float *x, uint32_t index) {
    size_t hole = 0;
    for (size_t child; (child = 2 * hole + 1) < size; hole = child) {
        if (child + 1 < size && comes_after(x, heap[child + 1], heap[child])) child++;
        if (!comes_after(x, heap[child], index)) break;
        heap[hole] = heap[child];
    }
    heap[hole] = index;
}

/// Adds an index to a heap of `size`.
static void push(uint32_t *heap, size_t size, const float *x, uint32_t index) {
    size_t hole = size;
    for (; hole > 0 && comes_after(x, index, heap[(hole - 1) / 2]); hole = (hole - 1) / 2) {
        heap[hole] = heap[(hole - 1) / 2];
    }
    heap[hole] = index;
}

size_t tk_top_k(uint32_t *indices, size_t k, const float *x, size_t count) {
    size_t found = 0, i = 0;
    if (k == 0) return 0;
    for (; found < k; i++) {
        i = tk_find_above(x, i, count, -INFINITY);
        if (i >= count) break;
        push(indices, found++, x, (uint32_t)i);
    }
    if (found == 0) return 0;
    // What is not above the last of the best comes after it: its index is higher.
    for (; (i = tk_find_above(x, i, count, x[indices[0]])) < count; i++) {
        replace_root(indices, found, x, (uint32_t)i);
    }
    for (size_t size = found; size > 1; size--) {
        const uint32_t last = indices[0], moved = indices[size - 1];
        replace_root(indices, size - 1, x, moved);
        indices[size - 1] = last;
    }
    return found;
}

// MARK: Ranges. Loops over 16 values at a time are made of steps that the compiler turns into vectors.

#define LAST_RANGE ((float)(TK_LOGIT_RANGES - 1))

static inline int32_t range_of(float x, tk_division division) {
    const float place = (division.maximum - x) * division.scale;
    return (int32_t)(place < LAST_RANGE ? place : LAST_RANGE);
}

/// The lower one; x counts only above -infinity.
static inline float lower(float x, float lowest) {
    const float value = x > -INFINITY ? x : lowest;
    return value < lowest ? value : lowest;
}

tk_division tk_logit_division(const float *x, size_t count, float maximum, float temperature) {
    float lows[16];
    for (size_t j = 0; j < 16; j++) lows[j] = maximum;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        for (size_t j = 0; j < 16; j++) lows[j] = lower(x[i + j], lows[j]);
    }
    float lowest = maximum;
    for (; i < count; i++) lowest = lower(x[i], lowest);
    for (size_t j = 0; j < 16; j++) lowest = lower(lows[j], lowest);
    const float limit = 104 * temperature, height = maximum - lowest;
    const float covered = height < limit ? height : limit;
    return (tk_division){.maximum = maximum, .scale = covered > 0 ? TK_LOGIT_RANGES / covered : 0};
}

void tk_range_masses(
    double *masses, const float *x, const float *weights, size_t count, tk_division division, float floor) {
    double partial[4][TK_LOGIT_RANGES];
    memset(partial, 0, sizeof partial);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        int32_t ranges[16];
        float counted[16];
        for (size_t j = 0; j < 16; j++) ranges[j] = range_of(x[i + j], division);
        for (size_t j = 0; j < 16; j++) counted[j] = weights[i + j] >= floor ? weights[i + j] : 0;
        for (size_t j = 0; j < 16; j++) partial[j % 4][ranges[j]] += (double)counted[j];
    }
    for (; i < count; i++) {
        if (weights[i] >= floor) partial[i % 4][range_of(x[i], division)] += (double)weights[i];
    }
    for (size_t r = 0; r < TK_LOGIT_RANGES; r++) {
        masses[r] = (partial[0][r] + partial[2][r]) + (partial[1][r] + partial[3][r]);
    }
}

size_t tk_range_members(uint32_t *indices, const float *x, size_t count, tk_division division, uint32_t range) {
    const int32_t wanted = (int32_t)range;
    size_t found = 0;
    for (size_t start = 0; start < count; start += 16) {
        const size_t end = count - start < 16 ? count : start + 16;
        int32_t members = 0;
        if (end == start + 16) {
            for (size_t j = 0; j < 16; j++) members |= range_of(x[start + j], division) == wanted ? 1 : 0;
            if (members == 0) continue;
        }
        for (size_t i = start; i < end; i++) {
            indices[found] = (uint32_t)i;
            found += range_of(x[i], division) == wanted && !isnan(x[i]);
        }
    }
    return found;
}
