// Responsible for: which blocks of other workers a prepared stage takes, and when all of an order are in its memory. Must
// not know: what is in a block, who orders copies.

import Wire

/// What has come of the orders of one plan's copies, source by source.
struct IncomingCopies: Sendable {
    private struct Order: Sendable {
        let source: WorkerID
        var number: Int
        var partCount: Int
        /// Parts that came, and parts that are in memory.
        var taken = 0
        var stored = 0
    }

    /// The newest of each source.
    private var orders: [Order] = []

    /// Whether this is what comes next of an order for a stage; what is not breaks its order off: it is never complete.
    mutating func take(_ contents: BlockContents, from source: WorkerID, for assign: Assign) -> Bool {
        let isExpected = assign.copied.contains { copied in
            copied.worker == source && copied.layers.lowerBound <= contents.layers.lowerBound
                && copied.layers.upperBound >= contents.layers.upperBound
                && (!contents.isOutputs || copied.outputs.contains(contents.layers.upperBound))
        }
        guard isExpected, Int(contents.block) < assign.keyValueBlockCount else { return false }
        let known = orders.firstIndex { $0.source == source }
        if contents.part == 0 {
            if let known, orders[known].number >= contents.number { return false }
            let order = Order(source: source, number: contents.number, partCount: contents.partCount, taken: 1)
            if let known { orders[known] = order } else { orders.append(order) }
            return true
        }
        guard let known, orders[known].number == contents.number, orders[known].taken == contents.part,
            orders[known].partCount == contents.partCount
        else { return false }
        orders[known].taken += 1
        return true
    }

    /// It is in memory. True: and so is all else of its order.
    mutating func noteStored(_ contents: BlockContents, from source: WorkerID) -> Bool {
        guard let index = orders.firstIndex(where: { $0.source == source && $0.number == contents.number }) else {
            return false
        }
        orders[index].stored += 1
        return contents.isLast && orders[index].stored == orders[index].partCount
    }
}
