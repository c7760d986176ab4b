// The Swift side of lending a closure to C.
//
// Responsible for: one declaration. What it relies on stands in CThreads, swift_closures.c.
// Must not know: what a closure does, who calls it.

import CThreads

/// Calls `borrower(subject, body)` with a closure that other threads may call until the borrower returns. An escaping
/// closure would take memory from the heap in every job.
@_silgen_name("tk_lend_closure")
func lend(_ body: (_ first: Int, _ second: Int) -> Void, to subject: UnsafeMutableRawPointer, _ borrower: tk_borrower)
