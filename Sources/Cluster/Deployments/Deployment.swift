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
        fileprivate(set) var readiness = Readiness.assigned
        /// Of this epoch, as its worker last said.
        fileprivate(set) var stepsCompleted: UInt64 = 0

        var loading: Loading? { if case .loading(let loading) = readiness { loading } else { nil } }
    }

    let epoch: Epoch
    let plan: Plan
    /// In the order of the plan.
    private(set) var stages: [StageProgress]
    /// The last sign that its loads, and then its steps, move.
    private(set) var lastProgress: Moment

    init(epoch: Epoch, plan: Plan, now: Moment) {
        self.epoch = epoch
        self.plan = plan
        stages = plan.stages.map { StageProgress(worker: $0.worker) }
        lastProgress = now
    }

    /// The worker that samples.
    var last: WorkerID { stages[stages.count - 1].worker }

    var isReady: Bool { stages.allSatisfy { $0.readiness == .ready } }

    func stageIndex(of worker: WorkerID) -> Int? { stages.firstIndex { $0.worker == worker } }

    /// nil: it has none in this plan.
    func stage(of worker: WorkerID) -> StageProgress? { stageIndex(of: worker).map { stages[$0] } }

    /// The first stage that is not ready.
    var late: WorkerID? { stages.first { $0.readiness != .ready }?.worker }

    /// The first stage that has computed fewer steps than were sent to it, of which there are `dispatched` in all; the
    /// last one if none has.
    func slowest(dispatched: UInt64) -> WorkerID {
        var before = dispatched
        for stage in stages {
            if stage.stepsCompleted < before { return stage.worker }
            before = stage.stepsCompleted
        }
        return last
    }

    // MARK: What happens to it

    mutating func noteProgress(_ now: Moment) { lastProgress = now }

    /// Time in which this process itself did not run is nobody's delay.
    mutating func excuse(_ gap: Duration, _ now: Moment) { lastProgress = min(now, lastProgress + gap) }

    mutating func note(_ loading: Loading, of worker: WorkerID, _ now: Moment) {
        guard let index = stageIndex(of: worker), stages[index].readiness != .ready else { return }
        if loading.bytesDone != stages[index].loading?.bytesDone { lastProgress = now }
        stages[index].readiness = .loading(loading)
    }

    mutating func noteReady(_ worker: WorkerID, _ now: Moment) {
        guard let index = stageIndex(of: worker) else { return }
        stages[index].readiness = .ready
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
