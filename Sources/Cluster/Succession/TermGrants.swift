// Responsible for: which coordinator a worker may follow, and when it lets another one take over. Must not know: sockets,
// files, what a coordinator is for.

import Wire

/// The highest term that a worker knows of. It never goes back: whoever keeps this must keep it for as long as the worker's
/// key, or a worker that starts again would follow a coordinator that was succeeded with its help.
package struct TermGrants: Sendable, Hashable {
    package private(set) var term: Term
    /// Whom the term was granted to; nil: it was seen at a coordinator that had it.
    package private(set) var holder: NodeKey?
    private let rules: SuccessionRules
    /// Of the coordinator that it followed last.
    private var silence = Duration.zero

    /// What was kept of it.
    package init(term: Term = .first, holder: NodeKey? = nil, _ rules: SuccessionRules = SuccessionRules()) {
        (self.term, self.holder, self.rules) = (term, holder, rules)
    }

    /// Time passes. Such in which this process stood still does not count.
    package mutating func pass(_ time: Duration) { silence.pass(time, upTo: rules.workerSilence) }

    /// The coordinator that it follows has said something.
    package mutating func hear() { silence = .zero }

    /// The coordinator that it follows has told it to follow another one.
    package mutating func release() { silence = rules.workerSilence }

    /// Whether a coordinator of this term may be followed. A later one is known from now on.
    package mutating func follow(_ term: Term) -> Bool {
        if term > self.term { (self.term, holder) = (term, nil) }
        return term == self.term
    }

    /// Whether a candidate gets this term: once, and only when nobody is followed. To be told again what it was told is no
    /// second time.
    package mutating func grant(_ term: Term, to candidate: NodeKey) -> Bool {
        if term == self.term { return holder == candidate }
        guard term > self.term, silence >= rules.workerSilence else { return false }
        (self.term, holder) = (term, candidate)
        return true
    }
}
