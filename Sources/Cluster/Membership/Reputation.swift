// Responsible for: what is remembered of workers beyond one joining, so that nobody becomes trusted by joining again.
// Must not know: who is a member now, plans.

import Wire

/// What is known of one who joined: a process, or whoever comes with the same cache.
struct Reputation: Sendable {
    /// Until when it is left out of plans, and why.
    struct Exclusion: Sendable {
        let until: Moment
        let why: String
        /// Of this process alone; nil: of all that come after it as well.
        let process: WorkerID?
    }

    /// How often it was set aside: each time for longer.
    var setbacks = 0
    var exclusion: Exclusion?
    /// When it joined, the newest last.
    private var joins: [Moment] = []

    private static let mostDoublings = 5
    /// Setbacks are forgotten when the last one is over for so long.
    private static let setbackMemory = Duration.seconds(3600)
    /// More joins within such a time than an honest worker has reason for.
    private static let mostJoins = 12
    private static let joinMemory = Duration.seconds(60)

    /// It joins. False: it has done so too often.
    mutating func noteJoin(_ now: Moment) -> Bool {
        joins.removeAll { now - $0 > Self.joinMemory }
        if joins.count >= Self.mostJoins { return false }
        joins.append(now)
        return true
    }

    /// It is left out of plans, for `time` the first time and twice as long each time after; for how long now.
    mutating func exclude(for time: Duration, _ why: String, process: WorkerID?, _ now: Moment) -> Duration {
        if let exclusion, now - exclusion.until > Self.setbackMemory { setbacks = 0 }
        let time = time * (1 << min(setbacks, Self.mostDoublings))
        setbacks += 1
        exclusion = Exclusion(until: now + time, why: why, process: process)
        return time
    }

    /// Why a process is left out of plans, and until when; nil: it is not.
    func exclusion(of worker: WorkerID, _ now: Moment) -> Exclusion? {
        guard let exclusion, exclusion.until > now, exclusion.process ?? worker == worker else { return nil }
        return exclusion
    }
}

/// The reputations of all who joined lately.
struct Reputations: Sendable {
    /// By what a worker is known again.
    enum Identity: Sendable, Equatable {
        case process(WorkerID)
        case cache(ContentHash)

        init(_ worker: WorkerID, _ join: Join) {
            self = join.cacheIdentity.map { .cache($0) } ?? .process(worker)
        }
    }

    /// Who was changed last stands last.
    private var entries: [(identity: Identity, reputation: Reputation)] = []

    /// So many are remembered; who was not heard of for longest goes first.
    private static let capacity = 4 * Limits.workers

    subscript(_ identity: Identity) -> Reputation {
        entries.first { $0.identity == identity }?.reputation ?? Reputation()
    }

    /// Changes what is known of one.
    mutating func change<Value>(_ identity: Identity, _ change: (inout Reputation) -> Value) -> Value {
        var reputation = self[identity]
        defer { entries.append((identity, reputation)) }
        entries.removeAll { $0.identity == identity }
        if entries.count >= Self.capacity { entries.removeFirst() }
        return change(&reputation)
    }
}
