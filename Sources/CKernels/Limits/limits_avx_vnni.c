// The limits with AVX-VNNI.
//
// Responsible for: putting the template together.
// Must not know: whether the processor has these instructions; dispatch.c asks it.

#if defined(__x86_64__)

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)

#define WITH_VNNI
#include "Vectors/vectors_avx2.h"

#include "Limits/limit_loops.h"

const tk_limits tk_limits_avx_vnni = LIMITS;

#pragma clang attribute pop

#endif
