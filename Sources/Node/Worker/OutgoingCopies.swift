// Responsible for: blocks on their way to other workers: what to ask the compute thread for next, and what waits for room on a
// link. Must not know: what is in them, who ordered it.
import Cluster
import Transport
import Wire

/// Copies from one worker to others. Little of each is under way at once: a step waits for a part at most, and what a peer
/// does not take costs no memory.
struct OutgoingCopies {
    /// Messages that libzmq keeps for a peer.
    static let messagesQueued = 2
    /// Bytes that a peer may leave on their way here.
    static let mostUnreadBytes = 8 * Wire.Limits.copyBytes
    /// Parts that are being copied out, or wait for room on the link.
    private static let mostAhead = 2
    /// A link that has no room is tried again.
    private static let pause = Duration.milliseconds(1)

    private struct Copying {
        let link: OutboundLink
        let endpoint: String
        let key: NodeKey?
        var order: CopyBlocks
        var epoch: Epoch
        /// Parts that were asked for; how many there are is known when one is here.
        var asked = 0
        var partCount = 1
        /// Asked for, and not here.
        var awaited = 0
        var ready: [(contents: BlockContents, bytes: Frame)] = []
    }

    private var targets: [WorkerID: Copying] = [:]
    /// When to try links again that had no room; nil: none waits.
    private(set) var nextAttempt: Moment?

    /// Begins with an order, over the link that is there or a new one.
    mutating func begin(
        _ order: CopyBlocks, of epoch: Epoch, connect: () throws(TransportError) -> OutboundLink
    ) throws(TransportError) {
        let known = targets.removeValue(forKey: order.target)
        if let known, known.endpoint == order.endpoint, known.key == order.key {
            targets[order.target] = Copying(
                link: known.link, endpoint: known.endpoint, key: known.key, order: order, epoch: epoch)
            return
        }
        known?.link.close()
        targets[order.target] = Copying(
            link: try connect(), endpoint: order.endpoint, key: order.key, order: order, epoch: epoch)
    }

    /// A part is here; one of an order before the present one is nobody's.
    mutating func add(_ contents: BlockContents, _ bytes: Frame, for target: WorkerID) {
        guard let copying = targets[target], copying.order.epoch == contents.epoch,
            copying.order.number == contents.number
        else { return }
        targets[target]?.partCount = contents.partCount
        targets[target]?.awaited -= 1
        targets[target]?.ready.append((contents, bytes))
    }

    /// Sends what there is room for. Returns what is to be copied out next.
    mutating func advance(_ now: Moment) -> [BlockWish] {
        nextAttempt = nil
        var wishes: [BlockWish] = []
        for target in targets.keys {
            guard var copying = targets[target] else { continue }
            _ = copying.link.events()
            // Nothing comes back; what comes all the same would keep the poller from waiting.
            while copying.link.socket.receive() != nil {}
            while let next = copying.ready.first,
                copying.link.offer([BlockContents.marker, next.contents.encode()], sharing: next.bytes)
            {
                copying.ready.removeFirst()
            }
            if !copying.ready.isEmpty { nextAttempt = now + Self.pause }
            while copying.asked < copying.partCount, copying.awaited + copying.ready.count < Self.mostAhead {
                wishes.append(BlockWish(order: copying.order, epoch: copying.epoch, part: copying.asked))
                copying.asked += 1
                copying.awaited += 1
            }
            targets[target] = copying
        }
        return wishes
    }

    /// Drops everything and closes all links.
    mutating func end() {
        for copying in targets.values { copying.link.close() }
        targets = [:]
        nextAttempt = nil
    }
}
