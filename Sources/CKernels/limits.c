// What a processor does at most: reading memory, int8 dot products, float multiply-adds, each with nothing else.
//
// Responsible for: the arithmetic of these measurements, a variant per level.
// Must not know: time, threads, who compares what with the limits.

#include "kernels.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// Independent chains of vectors: enough to hide a latency of 5 cycles in two units, few enough to stay in the 16
/// registers of AVX2 with their operands.
#define CHAINS 12
/// Parts that memory is read in side by side, each with a sum of its own, and how far ahead their lines are asked for.
#define STREAMS 8
#define PREFETCH_BYTES 2048
#define LINE 64

/// Runs `step` for every chain c, `steps` times.
#define REPEAT(steps, step)                       \
    for (size_t n = 0; n < (steps); n++) {        \
        _Pragma("clang loop unroll(full)")        \
        for (size_t c = 0; c < CHAINS; c++) step; \
    }

/// Runs `add` for every line of every stream: `line` is where 64 bytes of stream s begin.
#define FOR_EACH_LINE(memory, bytes, add)                                                       \
    for (size_t at = 0; at < (bytes) / STREAMS; at += LINE) {                                   \
        _Pragma("clang loop unroll(full)")                                                      \
        for (size_t s = 0; s < STREAMS; s++) {                                                  \
            const void *line = (const uint8_t *)(memory) + s * ((bytes) / STREAMS) + at;        \
            __builtin_prefetch((const uint8_t *)line + PREFETCH_BYTES);                         \
            add;                                                                                \
        }                                                                                       \
    }

// MARK: Portable

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

#if defined(__x86_64__)

/// Makes the value of a register unknown to the compiler, at no cost: nothing computed from it can be done only once.
#define HIDE(v) __asm__ volatile("" : "+v"(v))

// MARK: 256 bits

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define AVX_VNNI __attribute__((target("avx2,fma,f16c,avxvnni")))

AVX2 static uint64_t avx2_read(const void *memory, size_t bytes) {
    __m256i sums[STREAMS] = {0};
    FOR_EACH_LINE(memory, bytes, {
        const __m256i *v = line;
        sums[s] = _mm256_add_epi64(sums[s], _mm256_add_epi64(_mm256_loadu_si256(v), _mm256_loadu_si256(v + 1)));
    })
    uint64_t sum = 0;
    for (size_t s = 0; s < STREAMS; s++) {
        for (size_t i = 0; i < 4; i++) sum += (uint64_t)sums[s][i];
    }
    return sum;
}

AVX2 static uint64_t sum_256(const __m256i sums[CHAINS]) {
    uint32_t lanes[8];
    uint64_t sum = 0;
    for (size_t c = 0; c < CHAINS; c++) {
        _mm256_storeu_si256((__m256i *)lanes, sums[c]);
        for (size_t i = 0; i < 8; i++) sum += lanes[i];
    }
    return sum;
}

AVX2 static uint64_t avx2_int8(size_t steps) {
    __m256i sums[CHAINS] = {0}, a = _mm256_set1_epi8(1), b = a, ones = _mm256_set1_epi16(1);
    REPEAT(steps, {
        HIDE(a);
        sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    })
    return sum_256(sums);
}

AVX_VNNI static uint64_t avx_vnni_int8(size_t steps) {
    __m256i sums[CHAINS] = {0}, a = _mm256_set1_epi8(1), b = a;
    REPEAT(steps, {
        HIDE(a);
        sums[c] = _mm256_dpbusd_avx_epi32(sums[c], a, b);
    })
    return sum_256(sums);
}

AVX2 static uint64_t avx2_float(size_t steps) {
    __m256 sums[CHAINS] = {0}, a = _mm256_set1_ps(1), b = a;
    __m256i counts[CHAINS];
    REPEAT(steps, {
        HIDE(a);
        sums[c] = _mm256_fmadd_ps(a, b, sums[c]);
    })
    for (size_t c = 0; c < CHAINS; c++) counts[c] = _mm256_cvtps_epi32(sums[c]);
    return sum_256(counts);
}

// MARK: 512 bits

#define AVX512 __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")))
#define AVX512_VNNI __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

AVX512 static uint64_t avx512_read(const void *memory, size_t bytes) {
    __m512i sums[STREAMS] = {0};
    FOR_EACH_LINE(memory, bytes, sums[s] = _mm512_add_epi64(sums[s], _mm512_loadu_si512(line)))
    uint64_t sum = 0;
    for (size_t s = 0; s < STREAMS; s++) sum += (uint64_t)_mm512_reduce_add_epi64(sums[s]);
    return sum;
}

AVX512 static uint64_t sum_512(const __m512i sums[CHAINS]) {
    uint32_t lanes[16];
    uint64_t sum = 0;
    for (size_t c = 0; c < CHAINS; c++) {
        _mm512_storeu_si512(lanes, sums[c]);
        for (size_t i = 0; i < 16; i++) sum += lanes[i];
    }
    return sum;
}

AVX512 static uint64_t avx512_int8(size_t steps) {
    __m512i sums[CHAINS] = {0}, a = _mm512_set1_epi8(1), b = a, ones = _mm512_set1_epi16(1);
    REPEAT(steps, {
        HIDE(a);
        sums[c] = _mm512_add_epi32(sums[c], _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), ones));
    })
    return sum_512(sums);
}

AVX512_VNNI static uint64_t avx512_vnni_int8(size_t steps) {
    __m512i sums[CHAINS] = {0}, a = _mm512_set1_epi8(1), b = a;
    REPEAT(steps, {
        HIDE(a);
        sums[c] = _mm512_dpbusd_epi32(sums[c], a, b);
    })
    return sum_512(sums);
}

AVX512 static uint64_t avx512_float(size_t steps) {
    __m512 sums[CHAINS] = {0}, a = _mm512_set1_ps(1), b = a;
    __m512i counts[CHAINS];
    REPEAT(steps, {
        HIDE(a);
        sums[c] = _mm512_fmadd_ps(a, b, sums[c]);
    })
    for (size_t c = 0; c < CHAINS; c++) counts[c] = _mm512_cvtps_epi32(sums[c]);
    return sum_512(counts);
}

#endif

// MARK: Choice

uint64_t tk_limit_read(const void *memory, size_t bytes) {
    switch (tk_current_level()) {
#if defined(__x86_64__)
        case TK_LEVEL_AVX2:
        case TK_LEVEL_AVX_VNNI: return avx2_read(memory, bytes);
        case TK_LEVEL_AVX512:
        case TK_LEVEL_AVX512_VNNI: return avx512_read(memory, bytes);
#endif
        default: return portable_read(memory, bytes);
    }
}

uint64_t tk_limit_int8(size_t steps) {
    switch (tk_current_level()) {
#if defined(__x86_64__)
        case TK_LEVEL_AVX2: return avx2_int8(steps);
        case TK_LEVEL_AVX_VNNI: return avx_vnni_int8(steps);
        case TK_LEVEL_AVX512: return avx512_int8(steps);
        case TK_LEVEL_AVX512_VNNI: return avx512_vnni_int8(steps);
#endif
        default: return portable_int8(steps);
    }
}

uint64_t tk_limit_float(size_t steps) {
    switch (tk_current_level()) {
#if defined(__x86_64__)
        case TK_LEVEL_AVX2:
        case TK_LEVEL_AVX_VNNI: return avx2_float(steps);
        case TK_LEVEL_AVX512:
        case TK_LEVEL_AVX512_VNNI: return avx512_float(steps);
#endif
        default: return portable_float(steps);
    }
}
