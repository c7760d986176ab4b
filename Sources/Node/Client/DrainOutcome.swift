// Responsible for: what a coordinator answers who wants a worker left out, as people and scripts read it; the property
// names are keys of `tandem drain --json` (in snake case). Must not know: how it is shown.
import Sequences
import Wire

/// How things stand with a worker that is to be left out of plans, or to be counted in again.
package struct DrainOutcome: Sendable, Encodable, Equatable {
    /// The states, as they are written.
    package enum State: String, Sendable, Encodable { case draining, drained, counted }

    package var state: State
    package var message: String

    /// What was found otherwise.
    package init(_ state: State, _ message: String) { (self.state, self.message) = (state, message) }

    /// What a coordinator said. Throws where it refused.
    init(_ reply: DrainReply) throws(TandemError) {
        switch reply.state {
        case .draining: state = .draining
        case .drained: state = .drained
        case .counted: state = .counted
        case .refused: throw TandemError(reply.sentence, kind: .unavailable, isReply: true)
        }
        message = "\(reply.sentence)"
    }
}
