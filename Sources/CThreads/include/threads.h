// What threads that share work need and Swift's modules lack: a polite spin, cores, and closures lent to other threads.
//
// Responsible for: these primitives.
// Must not know: what is computed, who waits for whom.

#ifndef TANDEM_THREADS_H
#define TANDEM_THREADS_H

#include <stdint.h>

// MARK: Waiting

/// Tells the processor that this thread looks at a value in a loop: its sibling and the memory system are spared.
static inline void tk_spin_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

// MARK: Cores

/// Cores that the calling thread may use: its affinity mask, which cpusets and taskset narrow. At least 1.
intptr_t tk_allowed_cores(void);

/// Binds the calling thread to core `index` (counted from 0, in ascending order) of those it may use.
/// Returns 0, or -1 where there is no such core or the system refuses.
int tk_pin_thread(intptr_t index);

// MARK: Lending a closure. swift_closures.c says what of Swift's calling convention this relies on.

/// A closure `(Int, Int) -> Void` of Swift as the two words that it is passed in.
typedef struct {
    const void *function;
    const void *context;
} tk_closure;

/// Calls the closure. Any thread may, until the `tk_lend_closure` that made it returns.
void tk_call_closure(tk_closure closure, intptr_t first, intptr_t second);

/// What a closure is lent to.
typedef void (*tk_borrower)(void *subject, tk_closure closure);

// tk_lend_closure(closure, subject, borrower) calls borrower(subject, closure) with a closure that lives on the
// stack of its caller: no memory is allocated for it. Its first argument is a Swift function, so Swift declares it:
// see LentClosure.swift.

#endif
