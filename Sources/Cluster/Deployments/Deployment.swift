// Responsible for: how far one plan is carried out, stage by stage. Must not know: other plans, members, requests.

import Wire

/// A plan being carried out, under its epoch.
struct Deployment: Sendable {
    /// A worker with its layers, and how far it is with them.
    struct StageProgress: Sendable {
        enum Readiness: Sendable, Equatable {
            case assigned
            case loading(Loading)
            case ready
        }

        let worker: WorkerID
        /// What it is to keep, and whether it has; nothing is kept otherwise.
        let keeping: KeyValueHolders.Keeping
        /// What comes from other workers before it serves.
        let copied: [CopySource]
        fileprivate(set) var hasKept = false
        fileprivate(set) var readiness = Readiness.assigned
        /// Of this epoch, as its worker last said.
        fileprivate(set) var stepsCompleted: UInt64 = 0

        var loading: Loading? { if case .loading(let loading) = readiness { loading } else { nil } }
    }

    let epoch: Epoch
    let plan: Plan
    /// It is prepared beside the one that serves; why.
    let beside: String?
    /// In the order of the plan.
    private(set) var stages: [StageProgress]
    private(set) var links: DeploymentLinks
    /// For how long each load may take beyond what is allowed to every load, in the order of the plan.
    private let allowances: [Duration]
    private var begunAt: Moment
    /// The last sign that its loads, and then its steps, move.
    private(set) var lastProgress: Moment

    /// `keeping`, `copied` [stages].
    init(
        epoch: Epoch, plan: Plan, keeping: [KeyValueHolders.Keeping], copied: [[CopySource]]? = nil,
        beside: String? = nil, _ times: LoadTimes, doubts: DeploymentLinks.Doubts = { _, _ in false }, now: Moment
    ) {
        let copied = copied ?? plan.stages.map { _ in [] }
        self.epoch = epoch
        self.plan = plan
        self.beside = beside
        links = DeploymentLinks(plan, doubts)
        // Beside steps loads get only a part of the links and the cores.
        allowances = plan.stages.map { times.allowance($0) * (beside == nil ? 1 : 4) }
        begunAt = now
        stages = zip(zip(plan.stages, keeping), copied).map {
            StageProgress(worker: $0.0.worker, keeping: $0.1, copied: $1)
        }
        lastProgress = now
    }

    /// Another serves until it is ready, and its keys and values are copied.
    var isBeside: Bool { beside != nil }

    /// The worker that samples.
    var last: WorkerID { stages[stages.count - 1].worker }

    /// Every stage is loaded, and every link proven.
    var isReady: Bool { areLoaded && links.areProven }

    var areLoaded: Bool { stages.allSatisfy { $0.readiness == .ready } }

    func stageIndex(of worker: WorkerID) -> Int? { stages.firstIndex { $0.worker == worker } }

    /// nil: it has none in this plan.
    func stage(of worker: WorkerID) -> StageProgress? { stageIndex(of: worker).map { stages[$0] } }

    /// The first stage that is not ready.
    var late: WorkerID? { stages.first { $0.readiness != .ready }?.worker }

    /// The first stage whose load moves, if at all, but takes too long; `limit`: for every load.
    func overdue(_ limit: Duration, _ now: Moment) -> WorkerID? {
        let late = zip(stages, allowances).first { stage, allowance in
            stage.readiness != .ready && now - begunAt >= limit + allowance
        }
        return late?.0.worker
    }

    /// Whether its loads may still take as long as they do.
    func isInTime(_ now: Moment) -> Bool { now - begunAt <= Self.loadGrace + (allowances.max() ?? .zero) }

    /// Of every load, however little there is to fetch.
    private static let loadGrace = Duration.seconds(10)

    /// Who is before a stage in the plan; nil: the coordinator.
    func worker(before worker: WorkerID) -> WorkerID? {
        stageIndex(of: worker).flatMap { $0 > 0 ? stages[$0 - 1].worker : nil }
    }

    /// Who is behind a stage in the plan; nil: nobody, or the coordinator.
    func worker(after worker: WorkerID) -> WorkerID? {
        stageIndex(of: worker).flatMap { $0 + 1 < stages.count ? stages[$0 + 1].worker : nil }
    }

    /// Whether this link of a worker is the one by which steps leave it.
    func isBeginning(_ link: NodeLink, at worker: WorkerID) -> Bool {
        guard stage(of: worker) != nil else { return false }
        return link == (worker == last ? .tokens : .next)
    }

    /// The first stage that has computed fewer steps than the `dispatched` that were sent in all; the last one if none
    /// has. Who claims to have computed more than that makes nobody else slow.
    func slowest(dispatched: UInt64) -> WorkerID {
        stages.first { $0.stepsCompleted < dispatched }?.worker ?? last
    }

    // MARK: What happens to it

    mutating func noteProgress(_ now: Moment) { lastProgress = now }

    /// Time in which this process itself did not run is nobody's delay.
    mutating func excuse(_ gap: Duration, _ now: Moment) {
        lastProgress = min(now, lastProgress + gap)
        begunAt = min(now, begunAt + gap)
        links.excuse(gap, now)
    }

    /// What became of the link that begins at a worker, or (nil) at the coordinator.
    mutating func note(_ outcome: LinkReport.Outcome, from worker: WorkerID?) { links.note(outcome, from: worker) }

    /// A worker has spoken of it.
    mutating func noteTold(_ worker: WorkerID, _ now: Moment) { links.noteTold(worker, now) }

    mutating func note(_ loading: Loading, of worker: WorkerID, _ now: Moment) {
        guard let index = stageIndex(of: worker), stages[index].readiness != .ready else { return }
        if loading.bytesDone != stages[index].loading?.bytesDone { lastProgress = now }
        stages[index].readiness = .loading(loading)
    }

    mutating func noteReady(_ worker: WorkerID, hasKept: Bool, _ now: Moment) {
        guard let index = stageIndex(of: worker) else { return }
        stages[index].readiness = .ready
        stages[index].hasKept = hasKept
        lastProgress = now
    }

    /// A heartbeat of this epoch: steps move where one has been computed since, or is being computed now.
    mutating func note(_ heartbeat: WorkerHeartbeat, of worker: WorkerID, _ now: Moment) {
        guard let index = stageIndex(of: worker) else { return }
        if heartbeat.stepsCompleted != stages[index].stepsCompleted || heartbeat.busyMilliseconds > 0 {
            lastProgress = now
        }
        stages[index].stepsCompleted = heartbeat.stepsCompleted
    }
}
