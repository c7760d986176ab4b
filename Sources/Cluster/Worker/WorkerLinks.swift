// Responsible for: the links of a worker, each proven for the plan it is for: to the coordinator's sockets and to the next
// stage. Must not know: what is sent over them, what others make of a failure.

import Wire

/// The probes of the links that a worker connects.
struct WorkerLinks: Sendable {
    /// What is to be done, and about which link.
    struct Output: Sendable {
        let link: NodeLink
        let epoch: Epoch
        let what: LinkProbe.Output
    }

    private let worker: WorkerID
    /// nil: not yet told where they lead.
    private var weights: LinkProbe?
    private var tokens: LinkProbe?
    private var next: LinkProbe?

    init(of worker: WorkerID) { self.worker = worker }

    private func probe(_ link: NodeLink) -> LinkProbe? {
        switch link {
        case .weights: weights
        case .tokens: tokens
        case .next: next
        case .previous: nil
        }
    }

    private mutating func change(
        _ link: NodeLink, _ body: (inout LinkProbe) -> [LinkProbe.Output]
    ) -> [Output] {
        guard var changed = probe(link) else { return [] }
        let outputs = body(&changed).map { Output(link: link, epoch: changed.epoch, what: $0) }
        switch link {
        case .weights: weights = changed
        case .tokens: tokens = changed
        case .next: next = changed
        case .previous: break
        }
        return outputs
    }

    private mutating func changeAll(_ body: (inout LinkProbe) -> [LinkProbe.Output]) -> [Output] {
        [NodeLink.weights, .tokens, .next].reduce(into: []) { $0 += change($1, body) }
    }

    // MARK: What happens

    /// The links to the coordinator are connected.
    mutating func begin(_ now: Moment) -> [Output] {
        weights = LinkProbe(of: worker, replyBytes: Limits.chunkBytes, now: now)
        tokens = LinkProbe(of: worker, now: now)
        next = nil
        return changeAll { $0.begin(.none, to: nil, isNew: true, now) }
    }

    /// A plan is to be carried out: all that it needs is proven anew.
    mutating func begin(_ assign: Assign, _ now: Moment) -> [Output] {
        var outputs = change(.weights) { $0.begin(assign.epoch, to: nil, isNew: false, now) }
        outputs += change(.tokens) { $0.begin(assign.epoch, to: nil, isNew: false, now) }
        next = nil
        guard case .stage(_, let follower, _) = assign.next else { return outputs }
        next = LinkProbe(of: worker, now: now)
        return outputs + change(.next) { $0.begin(assign.epoch, to: follower, isNew: true, now) }
    }

    /// The link to the next stage is closed.
    mutating func endNext() { next = nil }

    /// Nothing is connected any more but the control link.
    mutating func end() { (weights, tokens, next) = (nil, nil, nil) }

    mutating func note(_ link: NodeLink, _ connection: LinkConnection, _ now: Moment) -> [Output] {
        change(link) { $0.note(connection, now) }
    }

    mutating func hear(_ reply: HelloReply, on link: NodeLink, _ now: Moment) -> [Output] {
        change(link) { $0.hear(reply, now) }
    }

    /// Weights came: an answer may wait behind them.
    mutating func hearWeights(_ now: Moment) { weights?.hearAnything(now) }

    /// Finds out what a link carries. One that is not there has no figures.
    mutating func measure(_ measure: Measure, _ link: NodeLink, _ now: Moment) -> [Output] {
        guard probe(link) != nil else {
            return [Output(link: link, epoch: .none, what: .measured(measure.number, LinkFigures()))]
        }
        return change(link) { $0.measure(measure.number, bytes: measure.bytes, now) }
    }

    /// Steps flow: they are not kept waiting behind what is measured.
    mutating func endMeasuring() -> [Output] { changeAll { $0.endMeasuring() } }

    /// Time in which this process itself did not run is not the others' silence.
    mutating func excuse(_ gap: Duration, _ now: Moment) {
        _ = changeAll { probe in
            probe.excuse(gap, now)
            return []
        }
    }

    mutating func tick(_ now: Moment) -> [Output] { changeAll { $0.tick(now) } }
}
