// Responsible for: which nodes cannot reach which others, for how long that is believed, and how it is told. Must not
// know: plans, members, who found it out.

import Wire

/// Pairs of nodes between which a link has failed, each remembered for a time that grows with every failure. nil stands
/// for the coordinator.
struct Reachability: Sendable {
    private struct Pair: Sendable {
        let from: WorkerID?
        let to: WorkerID?
        var failures = 0
        /// Losses of steps that led to nothing yet.
        var losses = 0
        /// Steps seem to have been lost on the way.
        var doubtedUntil = Moment.start
        var avoidedUntil = Moment.start
        var forgottenAt = Moment.start
        var sentence = ""
    }

    private static let firstTime = Duration.seconds(10)
    private static let mostDoublings = 5
    /// After so long without a failure a pair is as good as any.
    private static let memory = Duration.seconds(120)
    /// All pairs of the longest plan, some times over.
    private static let capacity = 4 * Limits.workers

    /// Oldest first.
    private var pairs: [Pair] = []

    private func index(_ from: WorkerID?, _ to: WorkerID?) -> Int? {
        pairs.firstIndex { $0.from == from && $0.to == to }
    }

    private mutating func place(_ from: WorkerID?, _ to: WorkerID?, _ now: Moment) -> Int {
        pairs.removeAll { $0.forgottenAt < now && !($0.from == from && $0.to == to) }
        if let index = index(from, to) {
            if pairs[index].forgottenAt < now { pairs[index] = Pair(from: from, to: to) }
            return index
        }
        if pairs.count >= Self.capacity { pairs.removeFirst() }
        pairs.append(Pair(from: from, to: to))
        return pairs.count - 1
    }

    // MARK: What happens

    /// A link failed. False: that was known.
    mutating func noteFailure(_ from: WorkerID?, _ to: WorkerID?, _ sentence: String, _ now: Moment) -> Bool {
        let index = place(from, to, now)
        guard pairs[index].avoidedUntil <= now else { return false }
        let time = Self.firstTime * (1 << min(pairs[index].failures, Self.mostDoublings))
        pairs[index].failures += 1
        pairs[index].losses = 0
        pairs[index].avoidedUntil = now + time
        pairs[index].forgottenAt = now + time + Self.memory
        pairs[index].sentence = sentence
        return true
    }

    /// Steps were lost on the way, although the link answers. True: not for the first time.
    mutating func noteLoss(_ from: WorkerID?, _ to: WorkerID?, _ now: Moment) -> Bool {
        let index = place(from, to, now)
        pairs[index].losses += 1
        pairs[index].forgottenAt = max(pairs[index].forgottenAt, now + Self.memory)
        return pairs[index].losses > 1
    }

    /// Steps seem to have been lost on the way; the link may be good again.
    mutating func noteDoubt(_ from: WorkerID?, _ to: WorkerID?, _ now: Moment) {
        let index = place(from, to, now)
        pairs[index].doubtedUntil = now + Self.firstTime
        pairs[index].forgottenAt = max(pairs[index].forgottenAt, pairs[index].doubtedUntil)
    }

    /// The link is proven: what it once did counts only if it fails again.
    mutating func noteProven(_ from: WorkerID?, _ to: WorkerID?, _ now: Moment) {
        guard let index = index(from, to) else { return }
        pairs[index].doubtedUntil = min(pairs[index].doubtedUntil, now)
        // Steps that are lost are lost on links that answer.
        if pairs[index].losses == 0 { pairs[index].avoidedUntil = min(pairs[index].avoidedUntil, now) }
    }

    // MARK: What follows

    /// Whether a plan may put one behind the other.
    func isAvoided(_ from: WorkerID?, _ to: WorkerID?, _ now: Moment) -> Bool {
        index(from, to).map { pairs[$0].avoidedUntil > now } ?? false
    }

    /// Whether steps seem to have been lost there just now.
    func isInDoubt(_ from: WorkerID?, _ to: WorkerID?, _ now: Moment) -> Bool {
        index(from, to).map { pairs[$0].doubtedUntil > now } ?? false
    }

    /// When the next pair is as good as any again; nil: there is none.
    func nextReturn(after now: Moment) -> Moment? { pairs.map(\.avoidedUntil).filter { $0 > now }.min() }

    /// What is wrong now between nodes that are all there, for people.
    func troubles(_ now: Moment, isPresent: (WorkerID) -> Bool) -> [String] {
        pairs.filter { pair in
            pair.avoidedUntil > now && (pair.from.map(isPresent) ?? true) && (pair.to.map(isPresent) ?? true)
        }.map(\.sentence)
    }
}

extension LinkFailure {
    /// For people, as in "(no answer in 2 s)".
    var words: String {
        switch self {
        case .noAnswer: "no answer in \(LinkProbe.patience.wholeSeconds) s"
        case .refused: "connection refused"
        case .notResolved: "no such address"
        case .handshakeRefused: "handshake refused"
        case .largeLost: "small packets arrive, large ones do not in \(LinkProbe.patience.wholeSeconds) s"
        case .stepsLost: "steps were lost on the way"
        }
    }

    /// What to do about it, for people.
    var advice: String {
        switch self {
        case .noAnswer, .refused: "open that port"
        case .notResolved: "advertise an address that others can reach"
        case .handshakeRefused: "see that both run the same version of tandem"
        case .largeLost: "look at the MTU and the speed of the network between them"
        case .stepsLost: "look at the network between them"
        }
    }

    /// "a cannot reach b at 192.0.2.3:7080 (no answer in 2 s): open that port".
    func sentence(from: String, to: String, at endpoint: String) -> String {
        let address = endpoint.hasPrefix("tcp://") ? String(endpoint.dropFirst(6)) : endpoint
        return "\(from) cannot reach \(to) at \(address) (\(words)): \(advice)"
    }
}
