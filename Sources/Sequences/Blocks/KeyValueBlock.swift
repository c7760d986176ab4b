// Responsible for: the unit in which memory for keys and values is given out. Must not know: who gives or takes it.

/// A block of keys and values: consecutive positions of one sequence, in every layer of a stage.
package enum KeyValueBlock {
    /// Positions in a block: `TK_KV_BLOCK` of the kernels, which a test holds against this.
    package static let positions = 32

    /// Blocks that hold `count` positions.
    package static func count(forPositions count: Int) -> Int { (count + positions - 1) / positions }
}
