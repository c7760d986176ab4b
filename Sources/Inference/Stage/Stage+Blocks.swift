// Keys and values on their way from a stage to another one of the same model.
//
// Responsible for: the bytes of a KV block in a run of layers, out of one stage and into another.
// Must not know: why they go, how they travel, which sequences use a block.

extension Stage {
    /// Copies a block of some layers out, [layers][block]: all that is kept of its positions, as another stage of the same
    /// model, whose keys and values are of the same type, keeps it. Called between steps.
    /// - Parameter bytes: as many as `keyValueBlockBytes(of:layers:type:)` says.
    /// - Throws: `invalidBatch` where the stage has no such block or layers, or `bytes` are more or fewer.
    package func copyBlock(
        _ block: Int, layers: Range<Int>, into bytes: UnsafeMutableRawBufferPointer
    ) throws(InferenceError) {
        try forEachLayer(layers, ofBlock: block, byteCount: bytes.count) { offset, memory in
            UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + memory.count])
                .copyMemory(from: UnsafeRawBufferPointer(memory))
        }
    }

    /// Puts a block of some layers in, as `copyBlock` gives it. Nothing of it was kept from an earlier stage.
    /// - Throws: as `copyBlock`; then nothing has changed.
    package func storeBlock(
        _ block: Int, layers: Range<Int>, from bytes: UnsafeRawBufferPointer
    ) throws(InferenceError) {
        try forEachLayer(layers, ofBlock: block, byteCount: bytes.count) { offset, memory in
            memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + memory.count]))
        }
    }

    /// Where a block of each of the layers lies, and where it begins among the bytes of all.
    private func forEachLayer(
        _ layers: Range<Int>, ofBlock block: Int, byteCount: Int,
        _ body: (_ offset: Int, _ memory: UnsafeMutableRawBufferPointer) -> Void
    ) throws(InferenceError) {
        guard let live else { preconditionFailure("a stage that gave up its weights has no blocks") }
        let (model, type) = (configuration.model, configuration.keyValueType)
        guard layers.clamped(to: configuration.layers) == layers, (0..<configuration.blockCount).contains(block) else {
            throw .invalidBatch(reason: "it has no KV block \(block) of layers \(layers)")
        }
        let expected = Self.keyValueBlockBytes(of: model, layers: layers, type: type)
        guard byteCount == expected else {
            throw .invalidBatch(reason: "a KV block of layers \(layers) has \(expected) bytes, not \(byteCount)")
        }
        var offset = 0
        for layer in layers {
            let count = Self.keyValueBlockBytes(of: model, layer: layer, type: type)
            let base = live.cache.block(block, layer: layer - configuration.layers.lowerBound)
            body(offset, UnsafeMutableRawBufferPointer(start: base, count: count))
            offset += count
        }
    }
}
