// Lending a Swift closure to C: the one place that relies on how Swift passes and calls closures.
//
// Responsible for: that calling convention.
// Must not know: what a closure does, who calls it.
//
// What is relied on (Swift ABI, docs/ABI/CallConvSummary.rst in the Swift repository; stable on Apple's systems, and on
// Linux what every compiler from Swift 5 on does):
//  1. A closure value is two words, the function and its context; the context is null where nothing is captured.
//  2. An argument of closure type takes the places of these two words among the arguments, in this order.
//  3. The function is called with its arguments as C passes them and the context in a register of its own (r13 on x86-64,
//     x20 on AArch64), which clang names `swift_context` in functions of the convention `swiftcall`.
//  4. A closure that does not escape lives until the function that it is passed to returns: its context may lie on the
//     caller's stack, and any thread may call it until then.
//
// Clang and Swift come from one toolchain and keep 2 and 3 in step. `LentClosureTests` calls closures with contexts of
// several sizes from several threads, and fails where one of these is no longer true. The Swift side of `tk_lend_closure`
// is declared once, in Inference's LentClosure.swift.

#include "threads.h"

#if !__has_attribute(swiftcall) || !__has_attribute(swift_context)
#error "this compiler does not know Swift's calling convention"
#endif

/// How Swift calls a closure (Int, Int) -> Void.
typedef __attribute__((swiftcall)) void closure_function(
    intptr_t first, intptr_t second, __attribute__((swift_context)) const void *context);

void tk_call_closure(tk_closure closure, intptr_t first, intptr_t second) {
    ((closure_function *)closure.function)(first, second, closure.context);
}

/// tk_lend_closure(closure, subject, borrower), as Swift calls it. Headers that Swift imports cannot declare it.
__attribute__((swiftcall)) void tk_lend_closure(
    const void *function, const void *context, void *subject, tk_borrower borrower);

__attribute__((swiftcall)) void tk_lend_closure(
    const void *function, const void *context, void *subject, tk_borrower borrower) {
    borrower(subject, (tk_closure){function, context});
}
