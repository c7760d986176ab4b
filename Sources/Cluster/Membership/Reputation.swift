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
        /// Only because it cannot fetch weights: over as soon as it can.
        var lacksWeights = false
    }

    /// How often it was set aside: each time for longer.
    var setbacks = 0
    var exclusion: Exclusion?
    /// When it joined, the newest last.
    private var joins: [Moment] = []

    private static let mostDoublings = 5
    /// Whoever was set aside more often waits until its time is over.
    private static let mostRegained = 3
    /// Setbacks are forgotten when the last one is over for so long.
    private static let setbackMemory = Duration.seconds(3600)
    /// More joins within such a time than an honest worker has reason for: by lost steps a few, the others where workers
    /// that start on its host take some of the memory that it offered.
    private static let mostJoins = 24
    private static let joinMemory = Duration.seconds(60)

    /// Whether it has not joined lately.
    func isNew(_ now: Moment) -> Bool { joins.last.map { now - $0 > Self.joinMemory } ?? true }

    /// It joins. False: it has done so too often.
    mutating func noteJoin(_ now: Moment) -> Bool {
        joins.removeAll { now - $0 > Self.joinMemory }
        if joins.count >= Self.mostJoins { return false }
        joins.append(now)
        return true
    }

    /// It is left out of plans, for `time` the first time and twice as long each time after.
    mutating func exclude(
        for time: Duration, _ why: String, process: WorkerID?, lacksWeights: Bool = false, _ now: Moment
    ) -> Exclusion {
        if let exclusion, now - exclusion.until > Self.setbackMemory { setbacks = 0 }
        let time = time * (1 << min(setbacks, Self.mostDoublings))
        setbacks += 1
        let newest = Exclusion(until: now + time, why: why, process: process, lacksWeights: lacksWeights)
        exclusion = newest
        return newest
    }

    /// This process can fetch weights: whether that ends the time for which it is left out.
    mutating func regainWeights(_ worker: WorkerID, _ now: Moment) -> Bool {
        guard exclusion(of: worker, now)?.lacksWeights == true, setbacks <= Self.mostRegained else { return false }
        exclusion = nil
        return true
    }

    /// Why a process is left out of plans, and until when; nil: it is not.
    func exclusion(of worker: WorkerID, _ now: Moment) -> Exclusion? {
        guard let exclusion, exclusion.until > now, exclusion.process ?? worker == worker else { return nil }
        return exclusion
    }
}

/// Whom setting aside leaves out.
enum ExclusionExtent: Sendable {
    /// This process.
    case process
    /// This process, until it can fetch weights.
    case untilWeights
    /// Also those that come after it.
    case identity
}

/// By what a worker is known again.
enum WorkerIdentity: Sendable, Equatable {
    case process(WorkerID)
    case cache(ContentHash)
    case key(NodeKey)

    /// One process after another that comes with the same key, or, where links are open, with the same cache.
    init(_ worker: WorkerID, _ join: Join) {
        self = join.key.map { .key($0) } ?? join.cacheIdentity.map { .cache($0) } ?? .process(worker)
    }

    /// The same, but nobody else: workers of one host may share a cache.
    init(alone worker: WorkerID, _ join: Join) { self = join.key.map { .key($0) } ?? .process(worker) }
}

/// The reputations of all who joined lately.
struct Reputations: Sendable {
    /// Who was changed last stands last.
    private var entries: [(identity: WorkerIdentity, reputation: Reputation)] = []

    /// So many are remembered; who was not heard of for longest goes first.
    private static let capacity = 4 * Limits.workers

    subscript(_ identity: WorkerIdentity) -> Reputation {
        entries.first { $0.identity == identity }?.reputation ?? Reputation()
    }

    /// Changes what is known of one.
    mutating func change<Value>(_ identity: WorkerIdentity, _ change: (inout Reputation) -> Value) -> Value {
        var reputation = self[identity]
        defer { entries.append((identity, reputation)) }
        entries.removeAll { $0.identity == identity }
        if entries.count >= Self.capacity { entries.removeFirst() }
        return change(&reputation)
    }
}
