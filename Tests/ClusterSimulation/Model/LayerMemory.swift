// Responsible for: what layers of the toy model keep in blocks; stages of one worker may have it in common. Must not know:
// who computes with it.

/// What one layer keeps of all positions in blocks.
final class LayerMemory {
    /// [blocks * blockPositions]; 0: never written.
    var keys: [UInt64]
    /// [blocks * blockPositions] a digest of the tokens up to each; 0: never written.
    var digests: [UInt64]

    init(_ slots: Int) {
        keys = Array(repeating: 0, count: slots)
        digests = keys
    }

    /// What another has now.
    init(_ other: LayerMemory) { (keys, digests) = (other.keys, other.digests) }
}

/// What went out behind one layer.
final class OutputMemory {
    /// [blocks * blockPositions]
    var values: [UInt64]

    init(_ slots: Int) { values = Array(repeating: 0, count: slots) }
}
