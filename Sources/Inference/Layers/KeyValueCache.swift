// Keys and values of every position a stage has seen, or what layers of other kinds keep of them, in blocks of 32
// positions.
//
// Responsible for: where a block of a layer lies.
// Must not know: which sequence uses which block (the coordinator decides).

import CKernels

/// Blocks 0..<blockCount of each layer of a stage: [layers][blocks][block]. A block has the size that its layer's kind
/// needs (`Stage.keyValueBlockBytes`).
///
/// Pages are taken from the system when a block is first written. A block's old contents are never looked at beyond
/// the positions of the sequence that uses it now, so nothing is cleared when blocks change hands.
final class KeyValueCache {
    let type: KeyValueType
    let blockCount: Int
    /// [layers]: where a layer's first block begins, and the bytes of each of its blocks.
    private let layers: [(start: Int, blockBytes: Int)]

    private let memory: AnonymousMemory

    /// Room for `blockCount` blocks in each layer; `blockBytes` [layers].
    init(type: KeyValueType, blockCount: Int, blockBytes: [Int]) throws(InferenceError) {
        self.type = type
        self.blockCount = blockCount
        var layers: [(start: Int, blockBytes: Int)] = []
        var end = 0
        for bytes in blockBytes {
            layers.append((end, bytes))
            let (layerBytes, overflow) = bytes.multipliedReportingOverflow(by: blockCount)
            let (sum, overflowed) = end.addingReportingOverflow(layerBytes)
            guard !overflow, !overflowed else { throw .outOfMemory(bytes: Int.max, purpose: "the KV cache") }
            end = sum
        }
        self.layers = layers
        memory = try AnonymousMemory(byteCount: end, huge: true, purpose: "the KV cache")
    }

    /// The first byte of a block; `layer` counts from the stage's first one.
    func block(_ block: Int, layer: Int) -> UnsafeMutableRawPointer {
        precondition(block >= 0 && block < blockCount)
        return memory.base + layers[layer].start + block * layers[layer].blockBytes
    }
}
