// Responsible for: what an examination of a host or a cluster has found, one thing at a time. Must not know: how it is
// shown, what was looked at.
import Sequences

/// One thing that was looked at.
package struct Finding: Sendable, Equatable {
    /// How good it is.
    package enum Status: String, Sendable, CaseIterable { case ok, warning, failure }

    /// In a word or two, for people and scripts: "libzmq", "ports".
    package let check: String
    package let status: Status
    /// What was found, without a full stop.
    package let message: Sentence
    /// What to do about it; nil: nothing.
    package let advice: Sentence?

    private init(_ check: String, _ status: Status, _ message: Sentence, _ advice: Sentence?) {
        (self.check, self.status, self.message, self.advice) = (check, status, message, advice)
    }

    /// As it should be.
    static func ok(_ check: String, _ message: Sentence) -> Finding { Finding(check, .ok, message, nil) }

    /// It works, but worse than it could, or not for everybody.
    static func warning(_ check: String, _ message: Sentence, _ advice: Sentence) -> Finding {
        Finding(check, .warning, message, advice)
    }

    /// It does not work, or is not safe.
    static func failure(_ check: String, _ message: Sentence, _ advice: Sentence) -> Finding {
        Finding(check, .failure, message, advice)
    }
}
