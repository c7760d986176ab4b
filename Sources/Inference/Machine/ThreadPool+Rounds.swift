// How long the threads take for the same work at best.
//
// Responsible for: repeating a job for a while and keeping the shortest time.
// Must not know: what is measured, or what for.

extension ThreadPool {
    /// Rounds even where they take longer than the budget.
    private static let minimumRounds = 3

    /// Seconds of the shortest of the rounds that fit the budget: what else the machine does at the moment should not
    /// count. A round calls `body(round, piece, thread)` for every piece in 0..<pieces, whatever their size.
    package func shortestRound(
        pieces: Int, budgetNanoseconds: UInt64, _ body: (_ round: Int, _ piece: Int, _ thread: Int) -> Void
    ) -> Double {
        let deadline = monotonicNanoseconds() + budgetNanoseconds
        var shortest = UInt64.max
        var round = 0
        repeat {
            let start = monotonicNanoseconds()
            run(pieces: pieces, operations: Int.max) { [round] piece, thread in body(round, piece, thread) }
            shortest = min(shortest, max(1, monotonicNanoseconds() - start))
            round += 1
        } while monotonicNanoseconds() < deadline || round < Self.minimumRounds
        return Double(shortest) * 1e-9
    }
}
