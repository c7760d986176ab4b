// Several buffers in one mapping.
//
// Responsible for: where each of them begins, and the bytes it takes.
// Must not know: what they are for.

import CKernels

/// Cuts buffers off a mapping, each at the start of a cache line.
package struct BufferCutter {
    /// Where the next buffer begins.
    var next: UnsafeMutableRawPointer

    /// The first buffer begins at `next`, at the start of a cache line.
    package init(next: UnsafeMutableRawPointer) { self.next = next }

    /// Bytes that `count` floats take.
    package static func floatBytes(_ count: Int) -> Int { padded(count * MemoryLayout<Float>.stride) }

    /// Bytes that `count` quantized values take.
    package static func quantizedBytes(_ count: Int) -> Int {
        padded(blocks(count) * MemoryLayout<tk_quantized_block>.stride)
    }

    /// Room for `count` floats.
    package mutating func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
        defer { next += Self.floatBytes(count) }
        return next.bindMemory(to: Float.self, capacity: count)
    }

    mutating func indices(_ count: Int) -> UnsafeMutablePointer<UInt32> {
        defer { next += Self.floatBytes(count) }
        return next.bindMemory(to: UInt32.self, capacity: count)
    }

    /// Room for `count` quantized values; a [tokens, columns] matrix of that size has at most this many blocks.
    package mutating func quantized(_ count: Int) -> UnsafeMutablePointer<tk_quantized_block> {
        defer { next += Self.quantizedBytes(count) }
        return next.bindMemory(to: tk_quantized_block.self, capacity: Self.blocks(count))
    }

    private static func blocks(_ count: Int) -> Int { count / Int(TK_BLOCK) }
    private static func padded(_ bytes: Int) -> Int { (bytes + 63) & ~63 }
}
