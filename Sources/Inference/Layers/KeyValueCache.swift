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
    /// [layers] each in memory of its own, so that it can go from one stage to the next.
    let layers: [AnonymousMemory]
    /// [layers]
    private let blockBytes: [Int]

    /// Room for `blockCount` blocks in each layer; `blockBytes` [layers]. `kept` [layers]: the memory of a cache of the same
    /// type and number of blocks; nil: memory of its own.
    init(
        type: KeyValueType, blockCount: Int, blockBytes: [Int], kept: [AnonymousMemory?]
    ) throws(InferenceError) {
        self.type = type
        self.blockCount = blockCount
        self.blockBytes = blockBytes
        var layers: [AnonymousMemory] = []
        for (bytes, kept) in zip(blockBytes, kept) {
            if let kept {
                layers.append(kept)
            } else {
                layers.append(try Self.memory(blockCount, of: bytes, purpose: "the KV cache"))
            }
        }
        self.layers = layers
    }

    /// Memory for so many blocks of one size.
    static func memory(
        _ blockCount: Int, of blockBytes: Int, purpose: String
    ) throws(InferenceError) -> AnonymousMemory {
        let (bytes, overflow) = blockBytes.multipliedReportingOverflow(by: blockCount)
        guard !overflow else { throw .outOfMemory(bytes: Int.max, purpose: purpose) }
        return try AnonymousMemory(byteCount: bytes, huge: true, purpose: purpose)
    }

    /// The first byte of a block; `layer` counts from the stage's first one.
    func block(_ block: Int, layer: Int) -> UnsafeMutableRawPointer {
        precondition(block >= 0 && block < blockCount)
        return layers[layer].base + block * blockBytes[layer]
    }
}
