// Responsible for: the links of a worker, each proven for the plan it is for: to the coordinator's sockets and to the next
// stages. Must not know: what is sent over them, what others make of a failure.

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
    /// One for each stage with a next one, oldest epoch first.
    private var next: [LinkProbe] = []

    init(of worker: WorkerID) { self.worker = worker }

    /// Changes the probe of a link; of several to next stages that of `epoch`, or the oldest.
    private mutating func change(
        _ link: NodeLink, _ epoch: Epoch? = nil, _ body: (inout LinkProbe) -> [LinkProbe.Output]
    ) -> [Output] {
        let index = link == .next ? next.firstIndex { epoch == nil || $0.epoch == epoch } : nil
        let probe: LinkProbe? =
            switch link {
            case .weights: weights
            case .tokens: tokens
            case .next: index.map { next[$0] }
            case .previous: nil
            }
        guard var changed = probe else { return [] }
        let outputs = body(&changed).map { Output(link: link, epoch: changed.epoch, what: $0) }
        switch link {
        case .weights: weights = changed
        case .tokens: tokens = changed
        case .next: if let index { next[index] = changed }
        case .previous: break
        }
        return outputs
    }

    private mutating func changeAll(_ body: (inout LinkProbe) -> [LinkProbe.Output]) -> [Output] {
        var outputs = change(.weights, nil, body) + change(.tokens, nil, body)
        for epoch in next.map(\.epoch) { outputs += change(.next, epoch, body) }
        return outputs
    }

    // MARK: What happens

    /// The links to the coordinator are connected.
    mutating func begin(_ now: Moment) -> [Output] {
        weights = LinkProbe(of: worker, replyBytes: Limits.chunkBytes, now: now)
        tokens = LinkProbe(of: worker, now: now)
        next = []
        return changeAll { $0.begin(.none, to: nil, isNew: true, now) }
    }

    /// A plan is to be carried out: all that it needs is proven anew.
    mutating func begin(_ assign: Assign, _ now: Moment) -> [Output] {
        let outputs = resume(assign.epoch, now)
        next.removeAll { !assign.isBeside || $0.epoch >= assign.epoch }
        guard case .stage(_, let follower, _) = assign.next else { return outputs }
        var probe = LinkProbe(of: worker, now: now)
        let said = probe.begin(assign.epoch, to: follower, isNew: true, now)
        next.append(probe)
        return outputs + said.map { Output(link: .next, epoch: assign.epoch, what: $0) }
    }

    /// The links to the coordinator are proven for a plan, perhaps again.
    mutating func resume(_ epoch: Epoch, _ now: Moment) -> [Output] {
        change(.weights) { $0.begin(epoch, to: nil, isNew: false, now) }
            + change(.tokens) { $0.begin(epoch, to: nil, isNew: false, now) }
    }

    /// The links to next stages are closed.
    mutating func endNext() { next = [] }

    /// That for the steps of this epoch is closed.
    mutating func endNext(_ epoch: Epoch) { next.removeAll { $0.epoch == epoch } }

    /// Nothing is connected any more but the control link.
    mutating func end() { (weights, tokens, next) = (nil, nil, []) }

    /// What was found out about a connection. `epoch`: of the steps that leave by it, where it leads to a next stage.
    mutating func note(_ link: NodeLink, _ connection: LinkConnection, _ epoch: Epoch, _ now: Moment) -> [Output] {
        change(link, epoch) { $0.note(connection, now) }
    }

    mutating func hear(_ reply: HelloReply, on link: NodeLink, _ now: Moment) -> [Output] {
        change(link, reply.epoch) { $0.hear(reply, now) }
    }

    /// Weights came: an answer may wait behind them.
    mutating func hearWeights(_ now: Moment) { weights?.hearAnything(now) }

    /// Finds out what a link carries; of two to next stages, that by which steps leave now. One that is not there has no
    /// figures.
    mutating func measure(_ measure: Measure, _ link: NodeLink, _ now: Moment) -> [Output] {
        var isThere = false
        let outputs = change(link) {
            isThere = true
            return $0.measure(measure.number, bytes: measure.bytes, now)
        }
        if isThere { return outputs }
        return [Output(link: link, epoch: .none, what: .measured(measure.number, LinkFigures()))]
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
