// Responsible for: a change of the plan that is under way, as people and scripts read it. Must not know: how it is shown.
import Wire

extension ClusterStatus {
    /// A plan that is prepared beside the one that serves.
    package struct Change: Sendable, Encodable, Equatable {
        /// A worker and the layers that it is to have.
        package struct Stage: Sendable, Encodable, Equatable {
            package var worker: String
            package var layers: Layers
        }

        package var epoch: Int
        /// "loading", "copying" or "switching".
        package var phase: String
        package var reason: String
        package var loadedBytes: Int
        package var bytesToLoad: Int
        /// KV blocks, each for every pair of workers.
        package var copiedBlocks: Int
        package var blocksLeft: Int
        package var copiedBytes: Int
        package var stages: [Stage]

        init(_ change: PlanChange) {
            epoch = Int(clamping: change.epoch.value)
            phase =
                switch change.phase {
                case .loading: "loading"
                case .copying: "copying"
                case .fencing: "switching"
                }
            reason = change.reason
            loadedBytes = Int(clamping: change.loadedBytes)
            bytesToLoad = Int(clamping: change.bytesToLoad)
            copiedBlocks = Int(clamping: change.copiedBlocks)
            blocksLeft = Int(clamping: change.blocksLeft)
            copiedBytes = Int(clamping: change.copiedBytes)
            var first = 0
            stages = change.stages.map { stage in
                defer { first = stage.endLayer }
                return Stage(
                    worker: ClusterStatus.name(of: stage.worker), layers: Layers(first: first, last: stage.endLayer - 1)
                )
            }
        }
    }
}
