// The primitives of threads.h: affinity as Linux has it, closures as Swift's calling convention passes them.
//
// Responsible for: these two interfaces.
// Must not know: what is computed, who waits for whom.

#define _GNU_SOURCE

#include "threads.h"

#include <sched.h>
#include <unistd.h>

intptr_t tk_allowed_cores(void) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
    // More cores than a mask of this size holds.
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 1 ? online : 1;
}

int tk_pin_thread(intptr_t index) {
    cpu_set_t allowed, one;
    if (index < 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return -1;
    for (int core = 0; core < CPU_SETSIZE; core++) {
        if (!CPU_ISSET(core, &allowed) || index-- > 0) continue;
        CPU_ZERO(&one);
        CPU_SET(core, &one);
        return sched_setaffinity(0, sizeof one, &one);
    }
    return -1;
}

/// How Swift calls a closure (Int, Int) -> Void: its context is in a register of its own.
typedef __attribute__((swiftcall)) void closure_function(
    intptr_t first, intptr_t second, __attribute__((swift_context)) const void *context);

void tk_call_closure(tk_closure closure, intptr_t first, intptr_t second) {
    ((closure_function *)closure.function)(first, second, closure.context);
}

__attribute__((swiftcall)) void tk_lend_closure(
    const void *function, const void *context, void *subject, tk_borrower borrower);

__attribute__((swiftcall)) void tk_lend_closure(
    const void *function, const void *context, void *subject, tk_borrower borrower) {
    borrower(subject, (tk_closure){function, context});
}
