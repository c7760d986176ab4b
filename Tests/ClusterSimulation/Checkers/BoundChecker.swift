// Responsible for: steps in flight and queues have bounds, and epochs only grow. Must not know: how the code under test
// works, only what it asks its shells to do.

import Cluster
import Wire

/// Steps in flight and every queue stay bounded; epochs grow, also from one coordinator to the next.
struct BoundChecker {
    /// Of the plan whose steps are sent, and of newer ones that were prepared beside it.
    private var stageCount = 0
    private var epoch = Epoch.none
    private var prepared: [(epoch: Epoch, stageCount: Int)] = []
    /// The newest of the coordinator before.
    private var earlier = Epoch.none
    private var inFlight = 0
    private(set) var most = 0
    /// When the newest plans were made, and when workers joined that were not there before.
    private var plans: [UInt64] = []
    private var joins: [UInt64] = []
    private var ends: [UInt64] = []
    private var known: Set<WorkerID> = []

    /// A worker asks to join.
    mutating func join(_ worker: WorkerID, at time: UInt64) {
        if known.insert(worker).inserted { joins.append(time) }
    }

    /// In any minute there are so many plans at most, and one more for each newcomer.
    private mutating func plan(at time: UInt64) -> String? {
        plans.append(time)
        let (minute, most) = (UInt64(60_000), 8 + 12 + 1)
        let count = plans.filter { $0 + minute > time }.count
        let newcomers = joins.filter { $0 + minute > time }.count
        let ended = ends.filter { $0 + minute > time }.count
        return count <= most + newcomers + ended ? nil : "\(count) plans in a minute with \(newcomers) newcomers"
    }

    mutating func observe(_ action: Coordinator.Action, at time: UInt64) -> String? {
        switch action {
        case .connectFirstStage(_, _, _, let isBeside): return isBeside ? nil : plan(at: time)
        case .send(_, .assign(let assign)):
            if assign.epoch < prepared.last?.epoch ?? epoch || assign.epoch <= earlier {
                return "\(assign.epoch) after \(epoch)"
            }
            if assign.isBeside {
                prepared.append((assign.epoch, assign.stageCount))
                return nil
            }
            prepared = []
            epoch = assign.epoch
            stageCount = assign.stageCount
            inFlight = 0
        case .forward(let forward):
            if let next = prepared.first(where: { $0.epoch == forward.epoch }) {
                if inFlight > 0 { return "\(next.epoch) begins with \(inFlight) steps of \(epoch) in flight" }
                (epoch, stageCount) = next
                prepared.removeAll { $0.epoch <= next.epoch }
            }
            inFlight += 1
            most = max(most, inFlight)
            if forward.epoch != epoch { return "a step of \(forward.epoch) in \(epoch)" }
            if inFlight > Limits.stepsInFlight(stages: stageCount) {
                return "\(inFlight) steps in flight over \(stageCount) stages"
            }
        default: break
        }
        return nil
    }

    mutating func result(_ result: StepResult) {
        if result.epoch == epoch { inFlight -= 1 }
    }

    /// No result of the steps in flight reaches its coordinator.
    mutating func coordinatorIsLost() {
        inFlight = 0
        earlier = prepared.last?.epoch ?? epoch
        prepared = []
        (plans, joins, ends, known) = ([], [], [], [])
    }

    /// A member's connection has ended.
    mutating func end(at time: UInt64) { ends.append(time) }

    /// What a stage has received and not computed.
    func queue(_ count: Int, _ assign: Assign) -> String? {
        count > Limits.stepsInFlight(stages: assign.stageCount) ? "a stage has \(count) steps to compute" : nil
    }
}
