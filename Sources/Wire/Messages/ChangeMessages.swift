// Responsible for: what nodes say to change the plan while it serves: copying keys and values from worker to worker, and
// leaving workers out. Must not know: sockets, time, how a plan is chosen.

import Sequences

/// Layers of a stage whose keys and values come from another worker.
package struct CopySource: Equatable, Sendable {
    package var layers: Range<Int>
    package var worker: WorkerID
    /// The worker's, whose connection is admitted for it; nil: links are open.
    package var key: NodeKey?
    /// Layers whose inputs come too, each as it goes out of one of `layers`.
    package var outputs: [Int] = []
    package init(layers: Range<Int>, worker: WorkerID, key: NodeKey? = nil) {
        self.layers = layers
        self.worker = worker
        self.key = key
    }
}

/// What there is in a KV block: the first so many positions of it.
package struct BlockExtent: Equatable, Sendable {
    package var block: Int32
    package var positions: Int
    package init(block: Int32, positions: Int) {
        self.block = block
        self.positions = positions
    }
}

/// Coordinator -> worker, control link: send the keys and values of these layers in these blocks to the worker that is to
/// compute them, in this order. No step in flight writes to the blocks, but one that is sent later may. Answered by the
/// target's `Copied`.
package struct CopyBlocks: Equatable, Sendable {
    /// The plan that they are for.
    package var epoch: Epoch
    /// Counts up within the epoch.
    package var number: Int
    package var target: WorkerID
    /// The target's data socket, and its key; nil: links are open.
    package var endpoint: String
    package var key: NodeKey?
    package var layers: Range<Int>
    package var blocks: [BlockExtent]
    /// What goes into these layers is sent too, as it was kept.
    package var outputs: [Int] = []
    package init(
        epoch: Epoch, number: Int, target: WorkerID, endpoint: String, key: NodeKey?, layers: Range<Int>,
        blocks: [BlockExtent]
    ) {
        self.epoch = epoch
        self.number = number
        self.target = target
        self.endpoint = endpoint
        self.key = key
        self.layers = layers
        self.blocks = blocks
    }
}

/// Worker -> coordinator, control link: all blocks of one order are in my memory.
package struct Copied: Equatable, Sendable {
    package var epoch: Epoch
    package var number: Int
    /// Where they came from.
    package var source: WorkerID
    package init(epoch: Epoch, number: Int, source: WorkerID) {
        self.epoch = epoch
        self.number = number
        self.source = source
    }
}

/// Worker -> worker that is to compute the same layers, over a connection of its own to the data socket: a frame of one
/// byte (`marker`), this header, and a raw frame of `byteCount` bytes: the keys and values of `positions` positions of a
/// block in each of the layers, one layer after the other; or a part of what there is of it in one layer.
package struct BlockContents: Equatable, Sendable, WireMessage {
    /// The frame before the header, which tells these messages from all others.
    package static let marker: [UInt8] = [1]

    package var epoch: Epoch
    /// Of the order.
    package var number: Int
    /// 0 ..< partCount: the messages of one order come in this order and without gaps.
    package var part: Int
    package var partCount: Int
    package var layers: Range<Int>
    package var block: Int32
    package var positions: Int
    package var byteCount: Int
    /// Not keys and values, but what was kept as it went out of the one layer.
    package var isOutputs = false
    /// Bytes before these of what there is in the one layer.
    package var offset = 0
    package init(
        epoch: Epoch, number: Int, part: Int, partCount: Int, layers: Range<Int>, block: Int32, positions: Int,
        byteCount: Int
    ) {
        self.epoch = epoch
        self.number = number
        self.part = part
        self.partCount = partCount
        self.layers = layers
        self.block = block
        self.positions = positions
        self.byteCount = byteCount
    }

    /// Nothing of its order comes after it.
    package var isLast: Bool { part == partCount - 1 }
}

/// Client -> coordinator, control link: leave this worker out of plans, or count it in again. Answered by `DrainReply`.
package struct DrainRequest: Equatable, Sendable {
    package var version: UInt32 = protocolVersion
    package var build = ""
    /// The name of its host, or its id as `WorkerID` describes it, with or without the word before it.
    package var worker: String
    /// It is counted in again.
    package var ends: Bool
    package init(worker: String, ends: Bool = false) {
        self.worker = worker
        self.ends = ends
    }
}

/// Coordinator -> client: what became of a `DrainRequest`.
package struct DrainReply: Equatable, Sendable {
    /// How things stand with the worker.
    package enum State: UInt32, CaseIterable, Sendable {
        /// Others take over its layers, without a break where they can.
        case draining = 1
        /// It has no layers.
        case drained = 2
        /// It is counted in again.
        case counted = 3
        /// Nothing has changed.
        case refused = 4
    }

    package var state: State
    /// For a person: what happens now, or why nothing does.
    package var sentence: Sentence
    package init(_ state: State, _ sentence: Sentence) {
        self.state = state
        self.sentence = sentence
    }
}
