// Keys and values of every position a stage has seen, in blocks of 32 positions.
//
// Responsible for: where a block of a layer lies.
// Must not know: which sequence uses which block (the coordinator decides).

import CKernels

/// Blocks 0..<blockCount of each layer of a stage: [layers][blocks][block of `tk_kv_block_bytes`].
///
/// Pages are taken from the system when a block is first written. A block's old contents are never looked at beyond
/// the positions of the sequence that uses it now, so nothing is cleared when blocks change hands.
final class KeyValueCache {
    let type: KeyValueType
    let layerCount: Int
    let blockCount: Int
    let blockBytes: Int

    private let memory: AnonymousMemory

    /// Room for `blockCount` blocks in each of `layerCount` layers.
    init(
        type: KeyValueType, layerCount: Int, blockCount: Int, keyValueHeads: Int, headSize: Int
    ) throws(InferenceError) {
        self.type = type
        self.layerCount = layerCount
        self.blockCount = blockCount
        blockBytes = tk_kv_block_bytes(type.kernelType, keyValueHeads, headSize)
        let (blocks, overflow) = layerCount.multipliedReportingOverflow(by: blockCount)
        let (bytes, overflowed) = blocks.multipliedReportingOverflow(by: blockBytes)
        guard !overflow, !overflowed else { throw .outOfMemory(bytes: Int.max, purpose: "the KV cache") }
        memory = try AnonymousMemory(byteCount: bytes, huge: true, purpose: "the KV cache")
    }

    /// The first byte of a block; `layer` counts from the stage's first one.
    func block(_ block: Int, layer: Int) -> UnsafeMutableRawPointer {
        precondition(block >= 0 && block < blockCount && layer >= 0 && layer < layerCount)
        return memory.base + (layer * blockCount + block) * blockBytes
    }
}
