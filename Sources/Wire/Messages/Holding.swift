// Responsible for: what a worker says of the stage that it still holds from an earlier coordinator. Must not know: sockets,
// time, what the coordinator makes of it.

import Sequences

/// Worker -> coordinator, the answer to a `Welcome` that asks for it: the stage in this process's memory. Who adopts it
/// computes nothing of it again.
package struct Holding: Equatable, Sendable {
    /// A KV block, as far as it is filled.
    package struct Block: Equatable, Sendable {
        package var block: Int32
        /// The full block with the positions before it; nil: it begins its sequences.
        package var parent: Int32?
        /// Of the sequence that wrote it last: see `ForwardItem`.
        package var restartLength: Int
        /// 1 ... `KeyValueBlock.positions` of them. Every layer has the keys and values of these, after those of `parent`.
        package var tokens: [Int32]
        package init(block: Int32, parent: Int32?, restartLength: Int, tokens: [Int32]) {
            self.block = block
            self.parent = parent
            self.restartLength = restartLength
            self.tokens = tokens
        }
    }

    /// See `Assign`. nil: it holds nothing, and the other fields keep their defaults.
    package var model: ContentHash?
    package var layers = 0..<0
    /// [layers] the epoch that began the keys and values of each.
    package var since: [Epoch] = []
    package var keyValueBlockCount = 0
    package var outputs: KeptOutputs?
    /// Those whose contents are known, in ascending order of their ids, `Limits.heldBlocks` at most.
    package var blocks: [Block] = []
    package init() {}
}
