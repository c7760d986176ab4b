// Responsible for: what a node's loop says of itself while it turns, to whoever watches over its process.
// Must not know: who that is, how it is told.
import Cluster
import Sequences

/// What a node does at the moment.
package struct NodeState: Sendable, Equatable {
    /// It does its part: a coordinator serves, a worker is a member. Not that it merely runs.
    package var isReady: Bool
    /// In a line, for people.
    package var sentence: String

    /// Some state.
    package init(isReady: Bool, sentence: String) { (self.isReady, self.sentence) = (isReady, sentence) }
}

/// Whoever watches over a node. It is told by the loop's own thread: where the loop hangs, nothing is told any more.
package struct Supervisor: Sendable {
    /// Told at least so often.
    package let interval: Duration
    /// Must return at once.
    package let hear: @Sendable (NodeState) -> Void

    /// A supervisor that wants to hear of a node every `interval`.
    package init(every interval: Duration, _ hear: @escaping @Sendable (NodeState) -> Void) {
        (self.interval, self.hear) = (interval, hear)
    }
}

/// The signs of life of one loop. Owned by its thread.
struct LoopPulse {
    private let supervisor: Supervisor?
    /// When the next sign is due; nil: nobody wants any.
    private(set) var deadline: Moment?

    /// The first is due at once.
    init(_ supervisor: Supervisor?, now: Moment) {
        self.supervisor = supervisor
        deadline = supervisor.map { _ in now }
    }

    /// Tells `state` where it is time.
    mutating func beat(_ now: Moment, _ state: () -> NodeState) {
        guard let supervisor, let due = deadline, now >= due else { return }
        supervisor.hear(state())
        deadline = now + supervisor.interval
    }
}
