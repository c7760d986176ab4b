// Keys and values, and outputs that were kept, on their way from a stage to another one of the same model.
//
// Responsible for: the bytes of a KV block in a run of layers, out of one stage and into another.
// Must not know: why they go, how they travel, which sequences use a block.

import ModelFile

extension Stage {
    /// What there is of a KV block in some layers: of several all of it, of one all or a part.
    package struct BlockPart: Sendable, Equatable {
        package var block: Int
        package var layers: Range<Int>
        /// Not keys and values, but what was kept as it went out of the one layer.
        package var isOutputs: Bool
        /// Bytes before it, of the one layer.
        package var offset: Int

        /// Keys and values, from the first on, where nothing else is said.
        package init(_ block: Int, _ layers: Range<Int>, isOutputs: Bool = false, offset: Int = 0) {
            (self.block, self.layers, self.isOutputs, self.offset) = (block, layers, isOutputs, offset)
        }
    }

    /// Bytes of a block of what goes from layer to layer.
    package static func outputBlockBytes(of model: ModelConfiguration) -> Int {
        OutputLog.blockBytes(width: model.embeddingLength)
    }

    /// Copies a block of some layers out, [layers][block]: all that is kept of its positions, as another stage of the same
    /// model, whose keys and values are of the same type, keeps it. Called between steps.
    /// - Parameter bytes: of several layers as many as `keyValueBlockBytes(of:layers:type:)` says.
    /// - Throws: `invalidBatch` where the stage has no such block or layers, or `bytes` are more or fewer.
    package func copyBlock(_ part: BlockPart, into bytes: UnsafeMutableRawBufferPointer) throws(InferenceError) {
        try forEachLayer(of: part, byteCount: bytes.count) { offset, memory in
            UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + memory.count])
                .copyMemory(from: UnsafeRawBufferPointer(memory))
        }
    }

    /// Puts a block of some layers in, as `copyBlock` gives it. Nothing of it was kept from an earlier stage.
    /// - Throws: as `copyBlock`; then nothing has changed.
    package func storeBlock(_ part: BlockPart, from bytes: UnsafeRawBufferPointer) throws(InferenceError) {
        try forEachLayer(of: part, byteCount: bytes.count) { offset, memory in
            memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + memory.count]))
        }
    }

    /// Where a part lies in each of the layers, and where that begins among the bytes of all.
    private func forEachLayer(
        of part: BlockPart, byteCount: Int, _ body: (_ offset: Int, _ memory: UnsafeMutableRawBufferPointer) -> Void
    ) throws(InferenceError) {
        guard let live else { preconditionFailure("a stage that gave up its weights has no blocks") }
        let layers = part.layers
        guard !layers.isEmpty, layers.clamped(to: configuration.layers) == layers,
            (0..<configuration.blockCount).contains(part.block)
        else { throw .invalidBatch(reason: "it has no KV block \(part.block) of layers \(layers)") }
        if layers.count > 1 {
            let expected = Self.keyValueBlockBytes(
                of: configuration.model, layers: layers, type: configuration.keyValueType)
            guard byteCount == expected, part.offset == 0, !part.isOutputs else {
                throw .invalidBatch(reason: "a KV block of layers \(layers) has \(expected) bytes, not \(byteCount)")
            }
            var offset = 0
            for layer in layers {
                let memory = keyValues(ofBlock: part.block, layer: layer, live)
                body(offset, memory)
                offset += memory.count
            }
            return
        }
        let memory: UnsafeMutableRawBufferPointer
        if part.isOutputs {
            guard let outputs = live.outputs.first(where: { $0.layer == layers.upperBound }) else {
                throw .invalidBatch(reason: "what goes into layer \(layers.upperBound) is not kept here")
            }
            memory = outputs.block(part.block)
        } else {
            memory = keyValues(ofBlock: part.block, layer: layers.lowerBound, live)
        }
        guard (0...memory.count).contains(part.offset), byteCount <= memory.count - part.offset else {
            throw .invalidBatch(
                reason: "a block of layer \(layers.lowerBound) has \(memory.count) bytes, not \(byteCount) behind "
                    + "\(part.offset)")
        }
        body(0, UnsafeMutableRawBufferPointer(rebasing: memory[part.offset..<part.offset + byteCount]))
    }

    private func keyValues(ofBlock block: Int, layer: Int, _ live: Live) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: live.cache.block(block, layer: layer - configuration.layers.lowerBound),
            count: Self.keyValueBlockBytes(of: configuration.model, layer: layer, type: configuration.keyValueType))
    }
}
