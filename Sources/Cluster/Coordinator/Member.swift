// Responsible for: what the coordinator knows of one worker. Must not know: other workers.

import Wire

/// A worker that has joined.
struct Member: Sendable {
    let id: WorkerID
    var join: Join
    /// When anything came from it.
    var lastHeard: UInt64
    var heartbeat = WorkerHeartbeat()
    /// Of the current epoch.
    var isReady = false
    var loading: Loading?
    /// Left out of plans until then, and why.
    var setAsideUntil: UInt64 = 0
    var setAsideReason = ""
    /// How often it was set aside: each time for longer.
    var failures = 0
    /// How often in a row steps were lost at it.
    var suspicions = 0

    init(id: WorkerID, join: Join, now: UInt64) {
        self.id = id
        self.join = join
        lastHeard = now
    }

    /// For people: where it runs.
    var name: String { join.hostName.isEmpty ? id.description : "\(join.hostName) (\(id), pid \(join.processID))" }
}

/// A plan being carried out.
struct Deployment: Sendable {
    let epoch: Epoch
    let plan: Plan
    /// The last sign that its loading moves.
    var lastProgress: UInt64

    /// The worker that samples.
    var last: WorkerID { plan.stages[plan.stages.count - 1].worker }

    func stageIndex(of worker: WorkerID) -> Int? { plan.stages.firstIndex { $0.worker == worker } }
}

/// Whether steps can be computed.
enum Service: Sendable {
    /// There is no plan, and why.
    case none(PlanRefusal)
    /// Workers load their layers.
    case preparing(Deployment)
    case active(Deployment)

    var deployment: Deployment? {
        switch self {
        case .none: nil
        case .preparing(let deployment), .active(let deployment): deployment
        }
    }

    var isActive: Bool {
        if case .active = self { true } else { false }
    }
}
