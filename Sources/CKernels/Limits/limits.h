// What the measurements of a level's limits share.
//
// Responsible for: their table, and the way through memory that every level takes.
// Must not know: time, threads, who compares what with the limits.

#ifndef TANDEM_LIMITS_H
#define TANDEM_LIMITS_H

#include "kernels.h"

/// Parts that memory is read in side by side, each with a sum of its own, and how far ahead their lines are asked for.
#define STREAMS 8
#define PREFETCH_BYTES 2048
#define LINE 64

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

/// One level's measurements; each member's contract is that of `tk_limit_` and its name.
typedef struct {
    uint64_t (*read)(const void *memory, size_t bytes);
    uint64_t (*int8)(size_t steps);
    uint64_t (*floats)(size_t steps);
} tk_limits;

#if defined(__x86_64__)
extern const tk_limits tk_limits_avx2;
extern const tk_limits tk_limits_avx_vnni;
extern const tk_limits tk_limits_avx512;
extern const tk_limits tk_limits_avx512_vnni;
#endif

#endif
