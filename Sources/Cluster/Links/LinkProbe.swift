// Responsible for: the proving of one link by its upstream end: when to say hello, what an answer proves, when silence is
// a failure and of which kind. Must not know: sockets, what else the link carries, what a failure leads to.

import Wire

/// What the shell finds out about a link's connection.
package enum LinkConnection: Sendable, Equatable {
    /// Messages pass from now on.
    case up
    /// It ended, or an attempt to make it did.
    case down
    case handshakeRefused
    /// Its endpoint has no address.
    case notResolved
}

/// One link as its upstream end sees it: first a small hello must be answered, then one as large as what the link
/// carries; from then on it is asked from time to time. A link whose connection takes no more bytes does not answer
/// either.
struct LinkProbe: Sendable {
    /// What is to be done about it.
    enum Output: Sendable, Equatable {
        case say(Hello)
        case report(LinkReport.Outcome)
        /// The answer to the question with this number.
        case measured(UInt64, LinkFigures)
    }

    private enum Stage: Sendable {
        case small
        /// Hellos from this number on are large, the first of them said then.
        case large(from: UInt64, since: Moment)
        case proven
    }

    /// An answer must come within so long.
    static let patience = Duration.seconds(2)
    private static let interval = Duration.milliseconds(250)
    /// Between large hellos, and where a link is proven or has failed.
    private static let restInterval = Duration.seconds(1)

    /// nil: the coordinator.
    private let speaker: WorkerID?
    /// Bytes that answers to large hellos carry; 0: the hellos are what is large.
    private let replyBytes: Int
    private(set) var epoch = Epoch.none
    private var listener: WorkerID?
    private var stage = Stage.small
    /// What was told of it last, where that was a failure.
    private var failure: LinkFailure?
    private var isUp = false
    /// Since when there is no connection; nil: there is one, or there never was.
    private var downSince: Moment?
    /// Whether a large answer came over this connection: then a later plan need not wait for another.
    private var hasCarriedAnswer = false
    /// Attempts to connect that ended since there was a connection.
    private var endings = 0
    private var problem: LinkFailure?
    private var number: UInt64 = 0
    private var saidAt: Moment
    /// Since when an answer is awaited; nil: all is answered.
    private var unansweredSince: Moment?
    /// What it carries is being found out, because somebody asked.
    private var measuring: LinkMeasuring?

    init(of speaker: WorkerID?, replyBytes: Int = 0, now: Moment) {
        self.speaker = speaker
        self.replyBytes = replyBytes
        saidAt = now
    }

    // MARK: What happens to it

    /// The link is to be proven for this epoch; `listener`: who must answer, nil: the coordinator. `isNew`: over another
    /// connection than before.
    mutating func begin(_ epoch: Epoch, to listener: WorkerID?, isNew: Bool, _ now: Moment) -> [Output] {
        (self.epoch, self.listener) = (epoch, listener)
        stage = .small
        measuring = nil
        // Attempts that waited in vain, at other times, are not refused.
        if failure != .refused { endings = 0 }
        failure = nil
        unansweredSince = now
        if isNew { (isUp, endings, problem, downSince, hasCarriedAnswer) = (false, 0, nil, nil, false) }
        return say(now)
    }

    mutating func note(_ connection: LinkConnection, _ now: Moment) -> [Output] {
        switch connection {
        case .up:
            (isUp, endings, problem, downSince, hasCarriedAnswer) = (true, 0, nil, nil, false)
            measuring = nil
            if case .large = stage { stage = .small }
            return say(now)
        case .down:
            // The end of a connection is not that of an attempt to make one.
            if !isUp { endings += 1 }
            isUp = false
            if downSince == nil { downSince = now }
            if unansweredSince == nil { unansweredSince = now }
        case .handshakeRefused: problem = .handshakeRefused
        case .notResolved:
            problem = .notResolved
            return fail()
        }
        return []
    }

    /// An answer; of another peer, or to an earlier question, it is none.
    mutating func hear(_ reply: HelloReply, _ now: Moment) -> [Output] {
        guard reply.epoch == epoch, reply.worker == listener, reply.number <= number else { return [] }
        switch stage {
        case .small where hasCarriedAnswer:
            return prove(bytesPerSecond: 0)
        case .small:
            stage = .large(from: number + 1, since: now)
            unansweredSince = now
            return say(now)
        case .large(let first, let since):
            guard reply.number >= first else { return [] }
            // The answer to an earlier one took longer than since the last, and no longer than since the first.
            let time = max((now - (reply.number == number ? saidAt : since)) / .seconds(1), 1e-4)
            let bytes = Double(replyBytes > 0 ? reply.probeBytes : Limits.probeBytes)
            hasCarriedAnswer = replyBytes > 0
            return prove(bytesPerSecond: bytes / time)
        case .proven:
            unansweredSince = nil
            return goOnMeasuring(isNewest: reply.number == number, now)
        }
    }

    /// Something else came over it, behind which an answer may wait.
    mutating func hearAnything(_ now: Moment) { if unansweredSince != nil { unansweredSince = now } }

    /// Time in which this process itself did not run is not the other's silence.
    mutating func excuse(_ gap: Duration, _ now: Moment) {
        unansweredSince = unansweredSince.map { min(now, $0 + gap) }
        downSince = downSince.map { min(now, $0 + gap) }
    }

    mutating func tick(_ now: Moment) -> [Output] {
        if failure == nil, let since = unansweredSince, now - since >= Self.patience {
            return endMeasuring() + fail() + say(now)
        }
        if let measuring {
            // Nothing else is said meanwhile, so that each answer is one of those that are counted.
            return measuring.isOverdue(now) ? endMeasuring() : []
        }
        // It was cut while a large hello was under way: nothing at all arrives.
        if failure == .largeLost, let since = downSince, now - since >= Self.patience { return fail() }
        let isResting: Bool
        switch stage {
        case .small: isResting = failure != nil
        case .large, .proven: isResting = true
        }
        return now - saidAt >= (isResting ? Self.restInterval : Self.interval) ? say(now) : []
    }

    // MARK: What is done about it

    private mutating func fail() -> [Output] {
        let reason = reason
        if failure == reason { return [] }
        failure = reason
        stage = .small
        return [.report(.failed(reason))]
    }

    private mutating func prove(bytesPerSecond rate: Double) -> [Output] {
        stage = .proven
        (failure, unansweredSince) = (nil, nil)
        return [.report(.proven(bytesPerSecond: rate))]
    }

    private var reason: LinkFailure {
        if let problem { return problem }
        // A port where nobody listens ends every attempt at once; one that is closed ends none for long.
        if !isUp { return endings >= 2 ? .refused : .noAnswer }
        if case .large = stage { return .largeLost }
        return .noAnswer
    }

    private mutating func say(_ now: Moment, isLarge: Bool = false) -> [Output] {
        guard isUp else { return [] }
        number += 1
        saidAt = now
        if unansweredSince == nil { unansweredSince = now }
        var hello = Hello(epoch: epoch, worker: speaker, number: number)
        var isLarge = isLarge
        if case .large = stage { isLarge = true }
        if isLarge {
            if replyBytes > 0 { hello.replyBytes = replyBytes } else { hello.probeBytes = Limits.probeBytes }
        }
        return [.say(hello)]
    }
}

// MARK: Measuring

extension LinkProbe {
    /// Finds out what the link carries, with large messages of so many bytes at most. One that is not proven has no figures.
    mutating func measure(_ number: UInt64, bytes: Int, _ now: Moment) -> [Output] {
        guard isUp, case .proven = stage else { return [.measured(number, LinkFigures())] }
        let pieceBytes = replyBytes > 0 ? replyBytes : Limits.probeBytes
        measuring = LinkMeasuring(number, bytes: bytes, pieceBytes: pieceBytes, now)
        return say(now)
    }

    private mutating func goOnMeasuring(isNewest: Bool, _ now: Moment) -> [Output] {
        switch measuring?.hear(isNewest: isNewest, after: now - saidAt, now) {
        case .small: return say(now)
        case .large(let count): return (0..<count).flatMap { _ in say(now, isLarge: true) }
        case .done: return endMeasuring()
        case nil: return []
        }
    }

    /// Whatever is known by now is all.
    mutating func endMeasuring() -> [Output] {
        guard let measuring else { return [] }
        self.measuring = nil
        return [.measured(measuring.number, measuring.figures)]
    }
}
