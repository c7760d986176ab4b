// What a processor can do at best: reading memory, products of bytes, and fused multiply-adds, as fast as they go.
//
// Responsible for: loops that do nothing else, for each instruction set; who calls them keeps the time.
// Must not know: clocks, threads.

#include "kernels.h"

/// Sums that do not wait for each other.
#define CHAINS 12

#if defined(__x86_64__)
#include <immintrin.h>

#define FOR(target_names) __attribute__((target(target_names), noinline)) static

#define EACH_CHAIN for (size_t c = 0; c < CHAINS; c++)
/// Keeps the compiler from working out a loop's result.
#define OPAQUE(value) __asm__ volatile("" : "+v"(value))

// MARK: Products of bytes

#define INT8_LOOP(name, target_names, vector, zero, set, bytes, step, add) \
    FOR(target_names) double name(size_t iterations, uint32_t *checksum) { \
        vector sums[CHAINS], a = set(3), b = set(5); \
        EACH_CHAIN sums[c] = zero(); \
        OPAQUE(a); \
        OPAQUE(b); \
        for (size_t i = 0; i < iterations; i++) { \
            EACH_CHAIN { \
                sums[c] = step; \
                OPAQUE(sums[c]); \
            } \
        } \
        vector sum = sums[0]; \
        for (size_t c = 1; c < CHAINS; c++) sum = add(sum, sums[c]); \
        uint32_t lanes[sizeof(vector) / 4]; \
        __builtin_memcpy(lanes, &sum, sizeof lanes); \
        *checksum = lanes[0]; \
        return 2.0 * bytes * CHAINS * (double)iterations; \
    }

INT8_LOOP(
    int8_avx512_vnni, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512, _mm512_set1_epi32, 64,
    _mm512_dpbusd_epi32(sums[c], a, b), _mm512_add_epi32)
INT8_LOOP(
    int8_avx_vnni, "avx2,avxvnni", __m256i, _mm256_setzero_si256, _mm256_set1_epi32, 32,
    _mm256_dpbusd_avx_epi32(sums[c], a, b), _mm256_add_epi32)
// Two instructions for pairs of products, which then are added as 16 bits.
INT8_LOOP(
    int8_avx512, "avx512f,avx512bw", __m512i, _mm512_setzero_si512, _mm512_set1_epi32, 64,
    _mm512_add_epi16(sums[c], _mm512_maddubs_epi16(a, b)), _mm512_add_epi32)
INT8_LOOP(
    int8_avx2, "avx2", __m256i, _mm256_setzero_si256, _mm256_set1_epi32, 32,
    _mm256_add_epi16(sums[c], _mm256_maddubs_epi16(a, b)), _mm256_add_epi32)

// MARK: Fused multiply-adds

#define FLOAT_LOOP(name, target_names, vector, set, lanes, fma) \
    FOR(target_names) double name(size_t iterations, uint32_t *checksum) { \
        vector sums[CHAINS], a = set(0.999f), b = set(0.001f); \
        EACH_CHAIN sums[c] = b; \
        OPAQUE(a); \
        OPAQUE(b); \
        for (size_t i = 0; i < iterations; i++) { \
            EACH_CHAIN { \
                sums[c] = fma(sums[c], a, b); \
                OPAQUE(sums[c]); \
            } \
        } \
        float all = 0; \
        EACH_CHAIN { \
            float values[lanes]; \
            __builtin_memcpy(values, &sums[c], sizeof values); \
            all += values[0]; \
        } \
        *checksum = (uint32_t)all; \
        return 2.0 * lanes * CHAINS * (double)iterations; \
    }

FLOAT_LOOP(float_avx512, "avx512f", __m512, _mm512_set1_ps, 16, _mm512_fmadd_ps)
FLOAT_LOOP(float_avx2, "avx2,fma", __m256, _mm256_set1_ps, 8, _mm256_fmadd_ps)

// MARK: Reading

/// Past the end prefetching does no harm.
#define AHEAD 8192

FOR("avx512f") uint64_t read_avx512(const uint8_t *bytes, size_t count) {
    __m512i sums[8];
    for (size_t c = 0; c < 8; c++) sums[c] = _mm512_setzero_si512();
    for (size_t i = 0; i + 512 <= count; i += 512) {
        for (size_t c = 0; c < 8; c++) {
            _mm_prefetch((const char *)bytes + i + 64 * c + AHEAD, _MM_HINT_T0);
            sums[c] = _mm512_add_epi64(sums[c], _mm512_loadu_si512(bytes + i + 64 * c));
        }
    }
    uint64_t all = 0;
    for (size_t c = 0; c < 8; c++) all += (uint64_t)_mm512_reduce_add_epi64(sums[c]);
    return all;
}

FOR("avx2") uint64_t read_avx2(const uint8_t *bytes, size_t count) {
    __m256i sums[8];
    for (size_t c = 0; c < 8; c++) sums[c] = _mm256_setzero_si256();
    for (size_t i = 0; i + 256 <= count; i += 256) {
        for (size_t c = 0; c < 8; c++) {
            if (c % 2 == 0) _mm_prefetch((const char *)bytes + i + 32 * c + AHEAD, _MM_HINT_T0);
            sums[c] = _mm256_add_epi64(sums[c], _mm256_loadu_si256((const __m256i *)(bytes + i + 32 * c)));
        }
    }
    uint64_t all = 0, lanes[4];
    for (size_t c = 0; c < 8; c++) {
        __builtin_memcpy(lanes, &sums[c], sizeof lanes);
        all += lanes[0] + lanes[1] + lanes[2] + lanes[3];
    }
    return all;
}
#endif

// MARK: Any processor

static double int8_portable(size_t iterations, uint32_t *checksum) {
    int32_t sums[CHAINS * 4] = {0};
    volatile int8_t one = 3, other = 5;
    const int8_t a = one, b = other;
    for (size_t i = 0; i < iterations; i++) {
        for (size_t c = 0; c < CHAINS * 4; c++) sums[c] += (int8_t)(a ^ (int8_t)i) * b;
    }
    *checksum = (uint32_t)(sums[0] + sums[CHAINS]);
    return 2.0 * CHAINS * 4 * (double)iterations;
}

static double float_portable(size_t iterations, uint32_t *checksum) {
    float sums[CHAINS * 4] = {0};
    volatile float one = 0.999f, other = 0.001f;
    const float a = one, b = other;
    for (size_t i = 0; i < iterations; i++) {
        for (size_t c = 0; c < CHAINS * 4; c++) sums[c] = sums[c] * a + b;
    }
    *checksum = (uint32_t)(sums[0] + sums[CHAINS]);
    return 2.0 * CHAINS * 4 * (double)iterations;
}

static uint64_t read_portable(const uint8_t *bytes, size_t count) {
    uint64_t sums[8] = {0};
    for (size_t i = 0; i + 64 <= count; i += 64) {
        for (size_t c = 0; c < 8; c++) {
            uint64_t value;
            __builtin_memcpy(&value, bytes + i + 8 * c, sizeof value);
            sums[c] += value;
        }
    }
    uint64_t all = 0;
    for (size_t c = 0; c < 8; c++) all += sums[c];
    return all;
}

double tk_limit_int8(size_t iterations, uint32_t *checksum) {
    switch (tk_current_level()) {
#if defined(__x86_64__)
    case TK_LEVEL_AVX512_VNNI: return int8_avx512_vnni(iterations, checksum);
    case TK_LEVEL_AVX512: return int8_avx512(iterations, checksum);
    case TK_LEVEL_AVX_VNNI: return int8_avx_vnni(iterations, checksum);
    case TK_LEVEL_AVX2: return int8_avx2(iterations, checksum);
#endif
    default: return int8_portable(iterations, checksum);
    }
}

double tk_limit_float(size_t iterations, uint32_t *checksum) {
    switch (tk_current_level()) {
#if defined(__x86_64__)
    case TK_LEVEL_AVX512_VNNI:
    case TK_LEVEL_AVX512: return float_avx512(iterations, checksum);
    case TK_LEVEL_AVX_VNNI:
    case TK_LEVEL_AVX2: return float_avx2(iterations, checksum);
#endif
    default: return float_portable(iterations, checksum);
    }
}

uint64_t tk_limit_read(const void *bytes, size_t count) {
    switch (tk_current_level()) {
#if defined(__x86_64__)
    case TK_LEVEL_AVX512_VNNI:
    case TK_LEVEL_AVX512: return read_avx512(bytes, count);
    case TK_LEVEL_AVX_VNNI:
    case TK_LEVEL_AVX2: return read_avx2(bytes, count);
#endif
    default: return read_portable(bytes, count);
    }
}
