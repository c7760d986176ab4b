// Responsible for: the times by which one coordinator takes over from another. Must not know: what is done by them.

/// How long each side waits. Whoever counts on another does so for less long than that one keeps its word: clocks of hosts
/// may differ in speed, and a message takes time.
package struct SuccessionRules: Sendable, Hashable {
    /// A coordinator counts on a node for so long after it has said what that node has heard.
    package var trustedFor = Duration.milliseconds(1_500)
    /// A worker grants a term to another coordinator when its own has been silent for so long.
    package var workerSilence = Duration.seconds(2)
    /// A standby looks for grants when the active coordinator has been silent for so long.
    package var standbySilence = Duration.milliseconds(2_500)
    /// A worker that has been away for so long has no say any more.
    package var forgottenAfter = Duration.seconds(60)
    package init() {}
}

extension Duration {
    /// So much later, but no more than counts.
    mutating func pass(_ time: Duration, upTo limit: Duration) { self = min(limit, self + max(.zero, time)) }
}
