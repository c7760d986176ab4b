// Responsible for: steps in flight and queues have bounds, and epochs only grow. Must not know: how the code under test
// works, only what it asks its shells to do.

import Cluster
import Wire

/// Steps in flight and every queue stay bounded; epochs grow, also from one coordinator to the next.
struct BoundChecker {
    private var stageCount = 0
    private var epoch = Epoch.none
    /// The newest of the coordinator before.
    private var earlier = Epoch.none
    private var inFlight = 0
    private(set) var most = 0

    mutating func observe(_ action: Coordinator.Action) -> String? {
        switch action {
        case .send(_, .assign(let assign)):
            if assign.epoch < epoch || assign.epoch <= earlier { return "\(assign.epoch) after \(epoch)" }
            epoch = assign.epoch
            stageCount = assign.stageCount
            inFlight = 0
        case .forward(let forward):
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
        earlier = epoch
    }

    /// What a stage has received and not computed.
    func queue(_ count: Int, _ assign: Assign) -> String? {
        count > Limits.stepsInFlight(stages: assign.stageCount) ? "a stage has \(count) steps to compute" : nil
    }
}
