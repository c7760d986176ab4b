// Responsible for: for how long answers stood still when the plan under them changed. Must not know: why it changed.

/// From the end of a plan with requests under way to the next token.
struct Interruption: Sendable {
    private var begunAt: Moment?
    /// Of the last one; nil: there was none.
    private(set) var length: Duration?

    mutating func begin(_ now: Moment) { begunAt = begunAt ?? now }

    /// There is a token.
    mutating func end(_ now: Moment) {
        if let begunAt { length = now - begunAt }
        begunAt = nil
    }
}
