// Responsible for: a stage with what is known of it. Must not know: threads, mailboxes, what it computes.
import Cluster
import Inference
import ModelFile
import Wire

/// One stage of a worker. One thread at a time has it: the one that loads it, then the one that computes.
struct LoadedStage: @unchecked Sendable {
    let assign: Assign
    let configuration: StageConfiguration
    let tensors: [TensorDescriptor]
    let computer: any StepComputer
    /// What it has of keys and values.
    private(set) var held: HeldKeyValues
    /// It has what it was to keep of them.
    let hasKept: Bool

    /// The stage of a shard; `kept`: what it has taken over, nil: not what it was to keep.
    init(_ shard: Shard, _ computer: any StepComputer, kept: HeldKeyValues.Kept?) {
        (assign, configuration, tensors) = (shard.assign, shard.configuration, shard.tensors)
        self.computer = computer
        var held = HeldKeyValues()
        held.load(assign, kept ?? HeldKeyValues.Kept())
        self.held = held
        hasKept = kept != nil
    }

    var epoch: Epoch { assign.epoch }

    /// nil: it only pretends to compute.
    var stage: Stage? { computer as? Stage }

    /// Bytes of a block in a layer of the model, which need not be its own.
    func blockBytes(layer: Int) -> Int {
        let model = configuration.model
        guard (0..<model.layerCount).contains(layer) else { return 0 }
        return Stage.keyValueBlockBytes(of: model, layer: layer, type: configuration.keyValueType)
    }

    /// Bytes of a block of what goes from layer to layer.
    var outputBlockBytes: Int { Stage.outputBlockBytes(of: configuration.model) }

    /// Some of its layers may have computed a step, and others not.
    mutating func forgetKeyValues() { held = HeldKeyValues() }

    /// What another one is to keep of it; nil: that is not all here.
    func kept(for assign: Assign, as next: StageConfiguration) -> HeldKeyValues.Kept? {
        guard let kept = held.kept(for: assign) else { return nil }
        return stage?.has(Stage.Kept(kept), for: next) ?? true ? kept : nil
    }
}

extension Stage.BlockPart {
    init(_ contents: BlockContents) {
        self.init(Int(contents.block), contents.layers, isOutputs: contents.isOutputs, offset: contents.offset)
    }
}

extension Stage.Kept {
    init(_ kept: HeldKeyValues.Kept) { self.init(layers: kept.layers, outputs: kept.outputs) }
}
