// Responsible for: a plan that is prepared beside the one that serves, as people and scripts read it; the property names
// are keys of `tandem status --json` (in snake case). Must not know: how it is shown.
import Wire

extension ClusterStatus {
    /// A change of the plan under way.
    package struct Change: Sendable, Encodable, Equatable {
        /// A stage of the plan to come.
        package struct Stage: Sendable, Encodable, Equatable {
            /// The id of its worker, and what that says of itself.
            package var worker: String
            package var host: String
            package var pid: Int
            package var layers: Layers
        }

        package var epoch: Int
        /// "loading", "copying" or "fencing".
        package var phase: String
        /// For people.
        package var reason: String
        package var loadedBytes: Int
        package var bytesToLoad: Int
        /// KV blocks: each counts for every pair of workers, and again when it has changed.
        package var copiedBlocks: Int
        package var blocksLeft: Int
        package var copiedBytes: Int
        package var stages: [Stage]
    }
}

extension ClusterStatus.Change {
    init(_ change: PlanChange, _ workers: [WorkerStatus]) {
        epoch = Int(clamping: change.epoch.value)
        phase =
            switch change.phase {
            case .loading: "loading"
            case .copying: "copying"
            case .fencing: "fencing"
            }
        reason = change.reason
        (loadedBytes, bytesToLoad) = (Int(clamping: change.loadedBytes), Int(clamping: change.bytesToLoad))
        (copiedBlocks, blocksLeft) = (Int(clamping: change.copiedBlocks), Int(clamping: change.blocksLeft))
        copiedBytes = Int(clamping: change.copiedBytes)
        stages = []
        var first = 0
        for stage in change.stages {
            let worker = workers.first { $0.id == stage.worker }
            stages.append(
                Stage(
                    worker: ClusterStatus.name(of: stage.worker), host: worker?.hostName ?? "",
                    pid: Int(worker?.processID ?? 0), layers: .init(first: first, last: max(first, stage.endLayer - 1)))
            )
            first = stage.endLayer
        }
    }
}
