// Responsible for: what of the plans under way does not move any more, and since when nobody computes. Must not know:
// what is done about it.
import Sequences
import Wire

extension Deployments {
    /// What does not move any more.
    enum Stall: Sendable, Equatable {
        /// The load of a worker.
        case load(WorkerID, Duration)
        /// The load of a worker moves, but is not done after so long.
        case slowLoad(WorkerID, Duration)
        /// The load of a worker that cannot fetch weights.
        case weights(WorkerID)
        /// The steps of an epoch, for which this worker is the likeliest cause.
        case steps(Epoch, WorkerID, Duration)
        /// The steps of an epoch as the coordinator sees it, whatever workers say of themselves.
        case result(Epoch, WorkerID, Duration)

        /// Whose load is late, and how that shows; nil: it is about steps.
        var lateLoad: (worker: WorkerID, why: String)? {
            switch self {
            case .load(let worker, let time): (worker, "its load did not move for \(time.wholeSeconds) s")
            case .slowLoad(let worker, let time): (worker, "its load was not done after \(time.wholeSeconds) s")
            case .weights(let worker): (worker, "it cannot fetch weights")
            case .steps, .result: nil
            }
        }
    }

    /// Loads and steps that do not move. `dispatched`: steps sent in the epoch that serves; `oldest`: since when the one
    /// that must come through next is the next, where any is under way; `tokens`: of those under way.
    func stalls(
        dispatched: UInt64, oldest: Moment?, tokens: Int = 0, _ now: Moment,
        canFetch: (WorkerID) -> Bool = { _ in true }
    ) -> [Stall] {
        var stalls: [Stall] = []
        let limit = configuration.loadStalledAfter
        if let preparing, now - preparing.lastProgress >= limit, let late = preparing.late {
            stalls.append(.load(late, limit))
        } else if let late = preparing?.overdue(limit, now) {
            stalls.append(.slowLoad(late, limit))
        } else if let preparing, now - preparing.lastProgress >= configuration.weightsAwaitedFor,
            let late = preparing.stages.first(where: { $0.readiness != .ready && !canFetch($0.worker) })
        {
            stalls.append(.weights(late.worker))
        }
        guard let serving, let oldest else { return stalls }
        if now - serving.lastProgress >= configuration.stallLimit(tokens: tokens) {
            let worker = serving.slowest(dispatched: dispatched)
            stalls.append(.steps(serving.epoch, worker, now - serving.lastProgress))
        } else if now - oldest >= configuration.hungAfter * serving.stages.count {
            // Each stage may take so long for a step; one that says that it computes, and does not, takes longer.
            let worker = serving.slowest(dispatched: dispatched)
            stalls.append(.result(serving.epoch, worker, now - oldest))
        }
        return stalls
    }

    /// Since when nobody could compute a request, where that is a reason to give it up: loading is none for as long as
    /// it may take, unless it has failed again and again, or waits for a link to carry.
    func idleSince(_ now: Moment) -> Moment? {
        guard let preparing, failedPreparations < 3, preparing.isInTime(now), preparing.links.failures(now).isEmpty
        else { return withoutServiceSince }
        return nil
    }

    /// Why nothing is computed, as a sentence; nil: a plan serves.
    func explanation(_ members: [Member]) -> Sentence? {
        if serving != nil { return nil }
        if let preparing {
            if preparing.areLoaded, !preparing.links.areProven { return "the links between workers are being proven" }
            let count = preparing.stages.count
            return "\(count) worker\(count == 1 ? " loads" : "s load") the model"
        }
        return members.reduce(refusal.sentence) { sentence, member in
            guard let why = member.reasonAside else { return sentence }
            return "\(sentence); \(member.name) is set aside: \(why)"
        }
    }
}
