// The limits with AVX-512 with VNNI.
//
// Responsible for: putting the template together.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)

#define WITH_VNNI
#include "Vectors/vectors_avx512.h"

#include "Limits/limit_loops.h"

const tk_limits tk_limits_avx512_vnni = LIMITS;

#pragma clang attribute pop

#endif
