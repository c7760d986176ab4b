// Responsible for: the end of a coordinator: until when answers that run may go on, and what is due then.
// Must not know: sockets, clients, signals.
import Cluster

/// A coordinator that was told to end lets what it has begun come to its end, up to a limit.
struct Drain {
    /// What is due.
    enum Step { case nothing, giveUp, end }

    private enum Phase {
        case serving
        case finishing(until: Moment)
        /// What was sent last is on its way.
        case flushing(until: Moment)
    }

    /// A socket that is closed drops what it has not sent.
    private static let flushTime = Duration.milliseconds(250)

    private let limit: Duration
    private var phase = Phase.serving

    init(limit: Duration) { self.limit = limit }

    /// Nothing new is begun any more.
    var hasBegun: Bool { if case .serving = phase { false } else { true } }

    /// When `step` is due at the latest; nil: not before something happens.
    var deadline: Moment? {
        switch phase {
        case .serving: nil
        case .finishing(let end), .flushing(let end): end
        }
    }

    /// From now on only what runs goes on. To be told again changes nothing.
    mutating func begin(_ now: Moment, isIdle: Bool) {
        guard !hasBegun else { return }
        phase = isIdle || limit <= .zero ? .flushing(until: now) : .finishing(until: now + limit)
    }

    /// What is due now. `isIdle`: no request is left.
    mutating func step(_ now: Moment, isIdle: Bool) -> Step {
        switch phase {
        case .serving: return .nothing
        case .flushing(let end): return now >= end ? .end : .nothing
        case .finishing(let end):
            guard isIdle || now >= end else { return .nothing }
            phase = .flushing(until: now + Self.flushTime)
            return isIdle ? .nothing : .giveUp
        }
    }
}
