// Responsible for: one fetch of weights, and when it asks for more. Must not know: sockets, files.
import Cluster
import Wire

/// The weights of one plan on their way to a worker.
struct ShardFetch {
    let epoch: Epoch
    /// Bytes that the worker's own copy of the model has.
    let localBytes: Int
    private(set) var machine: WeightFetch
    /// nil: nothing else needs the link, or it is no matter.
    private var share: LinkShare?
    /// What may not be asked for yet.
    private var waiting: [Fetch] = []

    /// `isSparing`: the cluster computes meanwhile.
    init(_ needs: [WeightFetch.Need], for epoch: Epoch, localBytes: Int, isSparing: Bool) {
        (self.epoch, self.localBytes) = (epoch, localBytes)
        // One after the other: what one takes tells for how long to pause.
        machine = isSparing ? WeightFetch(needs, for: epoch, window: 1) : WeightFetch(needs, for: epoch)
        share = isSparing ? LinkShare() : nil
    }

    /// What is to be done; asking for more may be a matter of time.
    mutating func handle(_ event: WeightFetch.Event, _ now: Moment) -> [WeightFetch.Action] {
        switch event {
        case .connected:
            waiting = []
            share?.reset()
        case .chunk: share?.noteArrived(now)
        case .verified: break
        }
        return machine.handle(event).filter { action in
            guard share != nil, case .send(let fetch) = action else { return true }
            waiting.append(fetch)
            return false
        }
    }

    /// When more may be asked for; nil: there is nothing to ask for.
    var nextAt: Moment? { waiting.isEmpty ? nil : share?.nextAt }

    /// What is to be asked for now.
    mutating func takeDue(_ now: Moment) -> Fetch? {
        guard let due = nextAt, due <= now else { return nil }
        share?.noteAsked(now)
        return waiting.removeFirst()
    }
}
