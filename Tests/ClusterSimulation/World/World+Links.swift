// Responsible for: the parts of both shells that prove links, and networks that carry only some of what they should. Must
// not know: how a link is proven, when faults strike.

import Cluster
import Wire

extension World {
    // MARK: Workers

    /// A link is connected as soon as that is possible.
    func connectLink(_ link: NodeLink, _ slot: Int, _ epoch: Epoch) {
        plan(.linkUp(link, epoch), slot, after: random.milliseconds(1...5))
    }

    func linkUp(_ link: NodeLink, _ epoch: Epoch, _ slot: Int) {
        let isCurrent = link == .next ? nodes[slot].assign(of: epoch) != nil : nodes[slot].welcome != nil
        guard isCurrent else { return }
        guard listener(link, slot, epoch) != nil, let place = place(link, slot, epoch),
            !network.areParted(.worker(slot), place),
            !network.isClosed(.worker(slot), place, link.kind)
        else { return plan(.linkUp(link, epoch), slot, after: 100) }
        tell(slot, .link(link, .up, of: epoch))
    }

    private func place(_ link: NodeLink, _ slot: Int, _ epoch: Epoch) -> Place? {
        link == .next ? endpoints[nodes[slot].nextStages[epoch] ?? ""].map { .worker($0.slot) } : .coordinator
    }

    /// The process at the other end; nil: there is none.
    private func listener(_ link: NodeLink, _ slot: Int, _ epoch: Epoch) -> Int? {
        switch link {
        case .weights: nodes[slot].welcome.flatMap { coordinator.life(at: $0.weightsEndpoint) }
        case .tokens: nodes[slot].welcome.flatMap { coordinator.life(at: $0.tokensEndpoint) }
        case .next:
            endpoints[nodes[slot].nextStages[epoch] ?? ""].flatMap {
                nodes[$0.slot].machine != nil && nodes[$0.slot].life == $0.life ? $0.life : nil
            }
        case .previous: nil
        }
    }

    func say(_ hello: Hello, on link: NodeLink, _ slot: Int) {
        guard let place = place(link, slot, hello.epoch) else { return }
        post(
            .hello(hello, of: nodes[slot].id), from: .worker(slot), to: place, link.kind,
            life: listener(link, slot, hello.epoch))
    }

    func answer(_ reply: HelloReply, to speaker: WorkerID?, _ slot: Int) {
        guard let speaker else {
            return post(
                .helloReply(reply), from: .worker(slot), to: .coordinator, .data, life: coordinator.controlLife)
        }
        guard let other = nodes.firstIndex(where: { $0.id == speaker }) else { return }
        post(.helloReply(reply), from: .worker(slot), to: .worker(other), .data, life: nodes[other].life)
    }

    // MARK: The coordinator

    func firstStageUp(_ epoch: Epoch) {
        guard let endpoint = coordinator.firstStages[epoch] else { return }
        guard let (slot, life) = endpoints[endpoint], nodes[slot].machine != nil,
            nodes[slot].life == life, !network.areParted(.coordinator, .worker(slot)),
            !network.isClosed(.coordinator, .worker(slot), .data)
        else {
            let thing = SimulatedCoordinator.Thing.firstStageUp(epoch)
            return queue.plan(.atCoordinator(thing, life: coordinator.life), at: now + 100)
        }
        tell(.firstStage(epoch, .up))
    }

    func connectFirstStage(_ epoch: Epoch, _ endpoint: String, isBeside: Bool) {
        if !isBeside { coordinator.firstStages = [:] }
        coordinator.firstStages[epoch] = endpoint
        if !isBeside { network.cut(.coordinator, .worker(endpoints[endpoint]?.slot ?? 0), .data) }
        let thing = SimulatedCoordinator.Thing.firstStageUp(epoch)
        queue.plan(.atCoordinator(thing, life: coordinator.life), at: now + random.milliseconds(1...5))
    }

    func sayHello(_ hello: Hello) {
        guard let (slot, life) = endpoints[coordinator.firstStages[hello.epoch] ?? ""] else { return }
        post(.hello(hello, of: nil), from: .coordinator, to: .worker(slot), .data, life: life)
    }

    func answer(_ worker: WorkerID, on link: NodeLink, _ reply: HelloReply) {
        guard let slot = nodes.firstIndex(where: { $0.id == worker }) else { return }
        post(.helloReply(reply), from: .coordinator, to: .worker(slot), link.kind, life: nodes[slot].life)
    }

    /// Where only links fail, whoever can fetch weights can load and compute.
    func noteSetAside(_ text: String) {
        // A slow line is no fault, but too slow to wait for.
        if text.contains("its load"), nodes.contains(where: \.hasSlowWeights) { return }
        if !text.contains("cannot reach the coordinator") { note("where only links fail, the coordinator " + text) }
    }

    // MARK: Networks that carry only some of it

    /// One kind of connection between two places is not let through any more.
    func close(_ a: Place, _ b: Place, _ link: Link) {
        guard a != b else { return }
        happened(.portClosed)
        network.close(a, b, link, true)
    }

    /// A host loses every large packet, in both directions.
    func loseLarge(_ slot: Int) {
        happened(.largeLost)
        for other in [Place.coordinator] + nodes.indices.map({ .worker($0) }) where other != .worker(slot) {
            network.loseLarge(.worker(slot), other, true)
        }
    }

    /// Ends what closes ports and loses packets, but where workers can still serve in some order.
    func endLinkFaults(needsAll: Bool) {
        if isLinkWorld, canServe(needsAll: needsAll) { return }
        network.openAll()
        for a in nodes.indices {
            network.cutAll(.coordinator, .worker(a))
            for b in nodes.indices where a != b { network.cutAll(.worker(a), .worker(b)) }
            reconnectControl(a, within: 1...300)
            reconnectWeights(a, within: 1...300)
        }
    }

    /// Whether there is an order of workers whose links all carry.
    private func canServe(needsAll: Bool) -> Bool {
        let usable = nodes.indices.filter { carries(.worker($0), .coordinator, .weights) }
        if needsAll, usable.count < nodes.count { return false }
        func extend(_ path: [Int]) -> Bool {
            if let last = path.last, !needsAll || path.count == nodes.count,
                carries(.worker(last), .coordinator, .tokens)
            {
                return true
            }
            return usable.contains { next in
                !path.contains(next) && carries(path.last.map { .worker($0) } ?? .coordinator, .worker(next), .data)
                    && extend(path + [next])
            }
        }
        return extend([])
    }

    private func carries(_ a: Place, _ b: Place, _ link: Link) -> Bool {
        !network.isClosed(a, b, link) && !network.losesLarge(a, b) && !network.areParted(a, b)
    }
}

extension NodeLink {
    /// The kind of its connections.
    var kind: Link {
        switch self {
        case .weights: .weights
        case .tokens: .tokens
        case .next, .previous: .data
        }
    }
}
