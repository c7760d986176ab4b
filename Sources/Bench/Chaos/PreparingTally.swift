// Responsible for: how many tokens come while another plan is prepared, against just before. Must not know: clocks, sockets,
// why a plan is prepared.

/// Counts of tokens, looked at from time to time.
package struct PreparingTally: Sendable {
    /// What is compared with: the time before a change of plans.
    private static let timeBefore = 2.0
    /// In less nothing can be counted.
    private static let leastTime = 0.5

    package private(set) var preparing = ChaosReport.Preparing()
    /// Oldest first: when nothing was prepared, and how many tokens had come in all.
    private var quiet: [(time: Double, tokens: Int)] = []
    /// Of the change under way: the last look, and tokens in a second before; nil: none is, or not long enough was quiet.
    private var change: (time: Double, tokens: Int, rate: Double)?

    package init() {}

    /// So many tokens have come by now, and another plan is, or is not, prepared.
    package mutating func note(_ tokens: Int, isPreparing: Bool, at time: Double) {
        guard isPreparing else {
            change = nil
            quiet.append((time, tokens))
            quiet.removeAll { $0.time < time - Self.timeBefore }
            return
        }
        if let last = change {
            preparing.seconds += time - last.time
            preparing.tokens += tokens - last.tokens
            preparing.tokensBefore += last.rate * (time - last.time)
            change = (time, tokens, last.rate)
        } else if let first = quiet.first, let last = quiet.last, last.time - first.time >= Self.leastTime {
            change = (time, tokens, Double(last.tokens - first.tokens) / (last.time - first.time))
            preparing.changes += 1
        }
        quiet = []
    }

    /// A fault has come, or the state is not known: what came before says nothing of what comes now.
    package mutating func forget() { (quiet, change) = ([], nil) }
}
