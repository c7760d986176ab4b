// What a gated delta net keeps of 32 positions, in a KV block of its layer.
//
// Responsible for: the shape of that memory.
// Must not know: which sequence uses it, what is computed.

import ModelFile
import Sequences

/// One KV block of a layer with a delta net.
///
/// The inputs of the 32 positions are what keys and values are for attention: whoever has fed a position finds them there
/// until it is fed again. A head's state is what the inputs of the first `count` positions, in their order, make of the
/// state at the end of the block before; it can be made again from these.
struct DeltaNetBlock {
    /// The sizes of a block, in numbers.
    struct Shape {
        /// Of one head's state, and of all.
        let stateSize, stateCount: Int
        let channelCount: Int
        /// Value heads.
        let headCount: Int

        init(_ net: DeltaNet) {
            (stateSize, stateCount) = (net.keySize * net.valueSize, net.stateCount)
            (channelCount, headCount) = (net.channelCount, net.valueHeadCount)
        }

        /// Of one position.
        fileprivate var inputLength: Int { channelCount + 2 * headCount }

        /// Bytes of a block: states, inputs and counts, up to a cache line.
        var byteCount: Int {
            BufferCutter.floatBytes(stateCount + KeyValueBlock.positions * inputLength + headCount)
        }
    }

    private let base: UnsafeMutablePointer<Float>
    private let shape: Shape

    /// `memory` has `shape.byteCount` bytes.
    init(_ memory: UnsafeMutableRawPointer, _ shape: Shape) {
        self.shape = shape
        base = memory.bindMemory(to: Float.self, capacity: shape.byteCount / MemoryLayout<Float>.stride)
    }

    /// [keySize, valueSize] of a value head.
    func state(_ head: Int) -> UnsafeMutablePointer<Float> { base + head * shape.stateSize }

    /// [channelCount]: what goes into the convolution at a position of the block.
    func channels(_ position: Int) -> UnsafeMutablePointer<Float> {
        base + shape.stateCount + position * shape.inputLength
    }

    /// [valueHeadCount]: how much of the state's answer the value of a position replaces.
    func betas(_ position: Int) -> UnsafeMutablePointer<Float> { channels(position) + shape.channelCount }

    /// [valueHeadCount]: what the state is multiplied by at a position.
    func decays(_ position: Int) -> UnsafeMutablePointer<Float> { betas(position) + shape.headCount }

    /// Positions of the block that a head's state has taken in. Of a block that nobody has begun it may be any number.
    func count(_ head: Int) -> Int { Int(counts[head].bitPattern) }

    /// Says how many a head's state has taken in.
    func setCount(_ head: Int, _ count: Int) { counts[head] = Float(bitPattern: UInt32(count)) }

    /// [valueHeadCount], whole numbers in the bits of floats.
    private var counts: UnsafeMutablePointer<Float> { channels(KeyValueBlock.positions) }
}
