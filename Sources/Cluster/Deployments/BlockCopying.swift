// Responsible for: which KV blocks are to be copied for a plan that is prepared beside the one that serves, and when so few
// are left that no more steps should be sent. Must not know: requests, who asks workers for it, what is in a block.
//
// As virtual machines are moved (Clark et al. 2005, "Live Migration of Virtual Machines"): what is complete is copied while
// work goes on, and copied again where it has changed since; the rest once nothing changes any more.

import Sequences
import Wire

/// The copies of one plan: from each worker that has layers to each that is to have them.
struct BlockCopying: Sendable {
    /// Layers that one worker has and another is to have.
    struct Pair: Sendable, Equatable {
        let source: WorkerID
        let target: WorkerID
        let layers: Range<Int>
        /// Of all the layers, with what was kept of outputs.
        let bytesPerBlock: UInt64
        /// Layers whose inputs were kept, and come too.
        var outputs: [Int] = []
    }

    /// Blocks that are to be copied now.
    struct Order: Sendable, Equatable {
        let pair: Pair
        let number: Int
        let blocks: [BlockExtent]
    }

    private struct Stream: Sendable {
        let pair: Pair
        /// [blocks] what the target has of it is not what the source has.
        var isStale: [Bool]
        /// Under way, since then.
        var order: (order: Order, since: Moment)?
        var number = 0
        /// Nothing is ordered before.
        var restsUntil = Moment.start
        /// Of the orders so far.
        var bytesPerSecond: Double?
        /// The fewest blocks that an order had to choose from, and the orders since.
        var fewest = Int.max
        var vainOrders = 0
        /// What is left is little enough, when it was last looked at and nothing was under way.
        var isAlmostDone = false
        /// How long the rest would take without steps.
        var timeLeft = Duration.zero

    }

    let epoch: Epoch
    private let rules: CopyRules
    private var streams: [Stream]
    /// [blocks] counts the steps that wrote; 0: before the copying began.
    private var writtenBy: [UInt64]
    private var writes: UInt64 = 0
    /// Since when no steps are sent; nil: they are.
    private(set) var fencedSince: Moment?
    private var lastLook = Moment.start
    private(set) var copiedBlocks: UInt64 = 0
    private(set) var copiedBytes: UInt64 = 0
    private(set) var blocksLeft: UInt64 = 0

    /// Nothing is copied yet of so many blocks.
    init(_ epoch: Epoch, _ pairs: [Pair], blockCount: Int, _ rules: CopyRules = CopyRules()) {
        (self.epoch, self.rules) = (epoch, rules)
        streams = pairs.map { Stream(pair: $0, isStale: Array(repeating: true, count: blockCount)) }
        writtenBy = Array(repeating: 0, count: blockCount)
    }

    // MARK: What happens

    /// A step is sent that writes to these blocks.
    mutating func noteWritten(_ blocks: some Sequence<Int32>) {
        writes += 1
        for block in blocks.lazy.map({ Int($0) }) {
            writtenBy[block] = writes
            for index in streams.indices { streams[index].isStale[block] = true }
        }
    }

    /// All blocks of an order are at their target.
    mutating func note(_ copied: Copied, at target: WorkerID, _ now: Moment) {
        guard
            let index = streams.firstIndex(where: { stream in
                stream.pair.target == target && stream.pair.source == copied.source
                    && stream.order?.order.number == copied.number
            }), copied.epoch == epoch, let (order, since) = streams[index].order
        else { return }
        streams[index].order = nil
        let time = max(now - since, .microseconds(100))
        let bytes = UInt64(order.blocks.count) * order.pair.bytesPerBlock
        let rate = Double(bytes) / (time / .seconds(1))
        streams[index].bytesPerSecond = streams[index].bytesPerSecond.map { ($0 + rate) / 2 } ?? rate
        streams[index].restsUntil = now + (isVain(streams[index]) ? .zero : time * rules.restTimes)
        copiedBlocks += UInt64(order.blocks.count)
        copiedBytes += bytes
    }

    /// No steps are sent from now on, until this is over.
    mutating func fence(_ now: Moment) { fencedSince = now }

    /// Time in which this process itself did not run is nobody's delay.
    mutating func excuse(_ gap: Duration, _ now: Moment) {
        fencedSince = fencedSince.map { min(now, $0 + gap) }
        for index in streams.indices {
            streams[index].order = streams[index].order.map { ($0.order, min(now, $0.since + gap)) }
        }
    }

    // MARK: What follows

    /// Whether there may be something to order, or to end.
    func isDue(_ now: Moment) -> Bool {
        streams.isEmpty || streams.contains { $0.order == nil && (fencedSince != nil || $0.restsUntil <= now) }
    }

    /// When that may be so next, but for answers; nil: not before one.
    var nextTurn: Moment? { streams.filter { $0.order == nil && $0.restsUntil > lastLook }.map(\.restsUntil).min() }

    /// What is to be copied now. `contents`: what there is in blocks that no step in flight writes to. `isDrained`: none is
    /// in flight, and none is sent: then blocks that are not full are copied too.
    mutating func orders(_ contents: [BlockExtent], isDrained: Bool, _ now: Moment) -> [Order] {
        var orders: [Order] = []
        (blocksLeft, lastLook) = (0, now)
        for index in streams.indices {
            let stale = contents.filter { streams[index].isStale[Int($0.block)] }
            blocksLeft += UInt64(stale.count + (streams[index].order?.order.blocks.count ?? 0))
            guard streams[index].order == nil, fencedSince != nil || streams[index].restsUntil <= now else { continue }
            let open = isDrained ? stale : stale.filter { $0.positions == KeyValueBlock.positions }
            streams[index].timeLeft = time(of: stale.count, index)
            // What is left is so little that it can wait for the fence.
            streams[index].isAlmostDone = isSmall(open.count, index)
            if open.isEmpty || fencedSince == nil && streams[index].isAlmostDone { continue }
            orders.append(order(open, index, now))
        }
        return orders
    }

    private func time(of count: Int, _ index: Int) -> Duration {
        guard let rate = streams[index].bytesPerSecond, rate > 0 else { return .zero }
        return .seconds(min(Double(count) * Double(streams[index].pair.bytesPerBlock) / rate, 1e6))
    }

    private func isVain(_ stream: Stream) -> Bool { stream.vainOrders >= rules.mostVainOrders }

    private func isSmall(_ count: Int, _ index: Int) -> Bool {
        let pair = streams[index].pair
        return UInt64(count) * pair.bytesPerBlock <= rules.smallBytes * UInt64(pair.layers.count)
    }

    /// Some of these, those written longest ago first.
    private mutating func order(_ open: [BlockExtent], _ index: Int, _ now: Moment) -> Order {
        streams[index].isAlmostDone = false
        if open.count < streams[index].fewest {
            (streams[index].fewest, streams[index].vainOrders) = (open.count, 0)
        } else {
            streams[index].vainOrders += 1
        }
        let pair = streams[index].pair
        let wished = streams[index].bytesPerSecond.map { $0 * (rules.orderTime / .seconds(1)) } ?? rules.firstOrderBytes
        let bytes = min(max(wished, rules.orderBytes.lowerBound), rules.orderBytes.upperBound)
        let count = max(1, min(Int(bytes / Double(max(pair.bytesPerBlock, 1))), Limits.copiedBlocks))
        let sorted = open.sorted {
            (writtenBy[Int($0.block)], $0.block) < (writtenBy[Int($1.block)], $1.block)
        }
        streams[index].number += 1
        let order = Order(pair: pair, number: streams[index].number, blocks: Array(sorted.prefix(count)))
        for extent in order.blocks { streams[index].isStale[Int(extent.block)] = false }
        streams[index].order = (order, now)
        return order
    }

    /// So little is left, or it gets no less, that no more steps should be sent.
    var wantsFence: Bool {
        fencedSince == nil && streams.allSatisfy { ($0.isAlmostDone || isVain($0)) && $0.timeLeft <= rules.fenceTime }
    }

    /// Targets have all of these contents.
    func isComplete(_ contents: [BlockExtent]) -> Bool {
        streams.allSatisfy { stream in
            stream.order == nil && contents.allSatisfy { !stream.isStale[Int($0.block)] }
        }
    }

    /// What does not get on; nil: everything does.
    func stalled(_ now: Moment) -> Pair? {
        streams.first { stream in stream.order.map { now - $0.since >= rules.patience } ?? false }?.pair
            ?? (fencedSince.map { now - $0 >= rules.longestFence } == true ? streams.first?.pair : nil)
    }
}
