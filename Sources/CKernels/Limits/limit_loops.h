// The measurements for one vector width: a template over vectors_*.h, which stands before it.
//
// Responsible for: keeping the units busy with nothing else.
// Must not know: which instructions there are; time.

#ifndef TANDEM_LIMIT_LOOPS_H
#define TANDEM_LIMIT_LOOPS_H

#include "Limits/limits.h"

/// Independent chains of vectors: enough to hide a latency of 5 cycles in two units, few enough to stay in the 16
/// registers of AVX2 with their operands.
#define CHAINS 12

/// Makes the value of a register unknown to the compiler, at no cost: nothing computed from it can be done only once.
#define HIDE(v) __asm__ volatile("" : "+v"(v))

/// Runs `step` for every chain c, `steps` times.
#define REPEAT(steps, step)                       \
    for (size_t n = 0; n < (steps); n++) {        \
        _Pragma("clang loop unroll(full)")        \
        for (size_t c = 0; c < CHAINS; c++) step; \
    }

static uint64_t read_limit(const void *memory, size_t bytes) {
    vector sums[STREAMS] = {0};
    FOR_EACH_LINE(memory, bytes, {
        vector sum = load_vector(line);
        for (size_t v = 1; v < VECTORS; v++) sum = add_words(sum, load_vector((const vector *)line + v));
        sums[s] = add_words(sums[s], sum);
    })
    uint64_t words[LANES / 2], sum = 0;
    for (size_t s = 0; s < STREAMS; s++) {
        store_vector(words, sums[s]);
        for (size_t i = 0; i < LANES / 2; i++) sum += words[i];
    }
    return sum;
}

static uint64_t sum_of_chains(const vector sums[CHAINS]) {
    uint32_t lanes[LANES];
    uint64_t sum = 0;
    for (size_t c = 0; c < CHAINS; c++) {
        store_vector(lanes, sums[c]);
        for (size_t i = 0; i < LANES; i++) sum += lanes[i];
    }
    return sum;
}

/// sums + products of bytes.
INLINE vector add_bytes_products(vector sums, vector a, vector b, vector ones) {
#ifdef WITH_VNNI
    (void)ones;
    return add_products(sums, a, b);
#else
    return add_lanes(sums, multiply_pairs(multiply_byte_pairs(a, b), ones));
#endif
}

static uint64_t int8_limit(size_t steps) {
    vector sums[CHAINS] = {0}, a = all_bytes(1), b = a, ones = all_shorts(1);
    REPEAT(steps, {
        HIDE(a);
        sums[c] = add_bytes_products(sums[c], a, b, ones);
    })
    return sum_of_chains(sums);
}

static uint64_t float_limit(size_t steps) {
    floats sums[CHAINS] = {0}, a = all_floats(1), b = a;
    vector counts[CHAINS];
    REPEAT(steps, {
        HIDE(a);
        sums[c] = multiply_add(a, b, sums[c]);
    })
    for (size_t c = 0; c < CHAINS; c++) counts[c] = round_floats(sums[c]);
    return sum_of_chains(counts);
}

#define LIMITS {read_limit, int8_limit, float_limit}

#endif
