// Responsible for: what all stages of a worker are made with. Must not know: what they compute, who asks for them.
import Cluster
import Generation
import Inference
import ModelFile
import Sequences

/// Of one worker, for as long as it runs.
struct StageSettings: Sendable {
    let threads: Int
    /// This host's own copy of the model.
    let local: Model?
    let cache: WeightCache
    let digestBook: DigestBook
    /// What this worker has offered; nil: nobody could tell what there is, or it computes nothing.
    let memory: MemoryReservation?
    /// nil: it computes.
    var simulatedSpeed: TimedStage.Speed?
    var checksLayers = false

    /// A plan counts on what was offered, and so do this host and its other workers: what is needed from now on is noted,
    /// and what is more than was offered refused.
    func reserve(_ needed: StageMemory, for stage: StageConfiguration, isBeside: Bool = false) throws(TandemError) {
        guard let memory, !memory.need(needed.byteCount) else { return }
        let size = { (bytes: Int) in bytesText(UInt64(clamping: bytes)) }
        let place = isBeside ? " beside those of the plan that serves" : ""
        throw TandemError(
            "layers \(stage.layers.lowerBound)-\(stage.layers.upperBound - 1)\(place) need \(size(needed.byteCount)) "
                + "(\(size(needed.weights)) of weights, \(size(needed.keyValues + needed.outputs)) for "
                + "\(stage.blockCount) KV blocks, "
                + "\(size(needed.workspace)) to work with), but this worker offers \(size(memory.bytes))",
            kind: .unavailable, hint: "plan fewer layers or blocks for it")
    }
}
