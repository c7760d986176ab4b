// What a stage will take, known before anything is loaded.
//
// Responsible for: sizes for planning; `Stage` then allocates these, or a page less here and there.
// Must not know: limits, workers.

import CKernels
import ModelFile

extension Stage {
    /// Bytes of the given tensors once packed, each counted once (a tied matrix in embedding and head of one stage).
    package static func weightBytes(of tensors: some Sequence<TensorDescriptor>) -> Int {
        var counted: Set<String> = []
        var total = 0
        for tensor in tensors where counted.insert(tensor.name).inserted {
            let (sum, overflow) = total.addingReportingOverflow(packedBytes(tensor))
            total = overflow ? Int.max : sum
        }
        return total
    }

    /// Bytes of the weights of some layers, with the embedding or the head where these belong to them.
    package static func weightBytes(layers: Range<Int>, of model: ModelConfiguration, tensors: [TensorDescriptor])
        -> Int
    {
        let names = Set(model.parts(ofLayers: layers).flatMap { model.tensors(of: $0).map(\.name) })
        return weightBytes(of: tensors.lazy.filter { names.contains($0.name) })
    }

    /// Bytes of one KV block (32 positions) in one layer. What a delta net keeps is always F32.
    package static func keyValueBlockBytes(
        of model: ModelConfiguration, layer: Int, type: KeyValueType = .f32
    ) -> Int {
        if let net = model.deltaNet(layer: layer) { return DeltaNetBlock.Shape(net).byteCount }
        return tk_kv_block_bytes(type.kernelType, model.keyValueHeadCount, model.headSize)
    }

    /// Bytes of one KV block in all of some layers.
    package static func keyValueBlockBytes(
        of model: ModelConfiguration, layers: Range<Int>, type: KeyValueType = .f32
    ) -> Int {
        layers.reduce(0) { $0 + keyValueBlockBytes(of: model, layer: $1, type: type) }
    }

    /// Bytes of everything else: working buffers and sampling.
    package static func workspaceBytes(of configuration: StageConfiguration) -> Int {
        Workspace.byteCount(configuration)
            + (configuration.isLast
                ? Sampler.byteCount(
                    vocabularySize: configuration.model.vocabularySize, threads: configuration.threads) : 0)
    }

    /// Bytes of a whole stage once every KV block is in use.
    package static func memoryBytes(of configuration: StageConfiguration, tensors: [TensorDescriptor]) -> Int {
        StageMemory(of: configuration, tensors: tensors).byteCount
    }

    private static func packedBytes(_ tensor: TensorDescriptor) -> Int {
        let bytes =
            tensor.isVector
            ? tensor.rows * tensor.columns * MemoryLayout<Float>.stride
            : PackedMatrix.byteCount(type: tensor.packedType, rows: tensor.rows, columns: tensor.columns)
        return AnonymousMemory.residentBytes(bytes ?? tensor.byteCount)
    }
}

/// What a whole stage takes once every KV block is in use, in bytes. Sizes that have no sum are the largest there is.
package struct StageMemory: Sendable, Equatable {
    package let weights: Int
    package let keyValues: Int
    package let workspace: Int
    /// What it keeps of its outputs.
    package let outputs: Int

    /// Of a stage that need not fit anywhere: its numbers may come from elsewhere, but its model is valid.
    package init(of configuration: StageConfiguration, tensors: [TensorDescriptor]) {
        weights = Stage.weightBytes(layers: configuration.layers, of: configuration.model, tensors: tensors)
        let blockBytes = Stage.keyValueBlockBytes(
            of: configuration.model, layers: configuration.layers, type: configuration.keyValueType)
        let (product, overflow) = blockBytes.multipliedReportingOverflow(by: configuration.blockCount)
        keyValues = overflow ? .max : product
        workspace = Stage.workspaceBytes(of: configuration)
        outputs = Self.outputBytes(of: configuration, count: configuration.outputs.count)
    }

    /// Of two stages beside each other, of which the second has `kept` of the first: that, and weights that both need, are
    /// there once.
    /// - Parameter tensors: those of both.
    package init(
        of first: StageConfiguration, beside second: StageConfiguration, keeping kept: Stage.Kept,
        tensors: [TensorDescriptor]
    ) {
        let (one, two) = (Self(of: first, tensors: tensors), Self(of: second, tensors: tensors))
        let names = [first, second].reduce(into: Set<String>()) { names, stage in
            for part in stage.model.parts(ofLayers: stage.layers) {
                names.formUnion(stage.model.tensors(of: part).lazy.map(\.name))
            }
        }
        weights = Stage.weightBytes(of: tensors.lazy.filter { names.contains($0.name) })
        var kept = kept
        kept.layers.removeAll { !first.layers.contains($0) || !second.layers.contains($0) }
        let shared = kept.layers.reduce(0) {
            $0 + Stage.keyValueBlockBytes(of: first.model, layer: $1, type: first.keyValueType)
        }
        // It is a part of what the second has, so that it has a product too.
        keyValues = Self.sum([one.keyValues, two.keyValues == .max ? .max : two.keyValues - shared * first.blockCount])
        workspace = Self.sum([one.workspace, two.workspace])
        let own = second.outputs.count { !kept.outputs.contains($0) }
        outputs = Self.sum([one.outputs, Self.outputBytes(of: second, count: own)])
    }

    /// Of what goes into so many layers.
    private static func outputBytes(of configuration: StageConfiguration, count: Int) -> Int {
        let blockBytes = OutputLog.blockBytes(width: configuration.model.embeddingLength)
        let (product, overflow) = blockBytes.multipliedReportingOverflow(by: configuration.blockCount)
        let (all, overflows) = product.multipliedReportingOverflow(by: count)
        return overflow && count > 0 || overflows ? .max : all
    }

    /// All of it.
    package var byteCount: Int { Self.sum([weights, keyValues, workspace, outputs]) }

    private static func sum(_ sizes: [Int]) -> Int {
        sizes.reduce(0) { sum, bytes in
            let (next, overflow) = sum.addingReportingOverflow(bytes)
            return overflow ? .max : next
        }
    }
}

extension TensorDescriptor {
    /// Kept as floats, one after the other: a norm, a bias or the like. Everything else is a packed matrix.
    var isVector: Bool {
        [".bias", "norm.weight", "sinks.weight", ".ssm_conv1d.weight", ".ssm_a"].contains(where: name.hasSuffix)
    }
}
