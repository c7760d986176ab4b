// What a processor does at most: reading memory, int8 dot products, float multiply-adds, each with nothing else.
//
// Responsible for: the choice of a level's measurements, and the portable ones.
// Must not know: time, threads, who compares what with the limits.

#include "Limits/limits.h"

#include <string.h>

/// Multiply-adds in a step of the plain loops, which the compiler may put into vectors.
#define LANES 128

static uint64_t portable_read(const void *memory, size_t bytes) {
    uint64_t sum = 0;
    FOR_EACH_LINE(memory, bytes, {
        const uint64_t *words = line;
        for (size_t i = 0; i < LINE / 8; i++) sum += words[i];
    })
    return sum;
}

static uint64_t portable_int8(size_t steps) {
    int8_t a[LANES], b[LANES];
    memset(a, 1, sizeof a);
    memset(b, 1, sizeof b);
    uint64_t sum = 0;
    for (size_t n = 0; n < steps; n++) {
        __asm__ volatile("" : "+m"(a), "+m"(b));
        int32_t dot = 0;
        for (size_t i = 0; i < LANES; i++) dot += a[i] * b[i];
        sum += (uint64_t)dot;
    }
    return sum;
}

static uint64_t portable_float(size_t steps) {
    float sums[LANES] = {0};
    float one = 1;
    for (size_t n = 0; n < steps; n++) {
        __asm__ volatile("" : "+m"(one));
        for (size_t i = 0; i < LANES; i++) sums[i] = __builtin_fmaf(one, one, sums[i]);
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < LANES; i++) sum += (uint64_t)sums[i];
    return sum;
}

static const tk_limits portable = {portable_read, portable_int8, portable_float};

// MARK: Choice

#if defined(__x86_64__)
static const tk_limits *const tables[] = {
    &portable, &tk_limits_avx2, &tk_limits_avx_vnni, &tk_limits_avx512, &tk_limits_avx512_vnni};
#else
static const tk_limits *const tables[] = {&portable};
#endif

uint64_t tk_limit_read(const void *memory, size_t bytes) {
    return tables[tk_current_level()]->read(memory, bytes);
}

uint64_t tk_limit_int8(size_t steps) {
    return tables[tk_current_level()]->int8(steps);
}

uint64_t tk_limit_float(size_t steps) {
    return tables[tk_current_level()]->floats(steps);
}
