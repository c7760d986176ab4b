// Responsible for: the part of a worker's shell that fetches, checks and keeps weights, around the real `WeightFetch`.
// Must not know: what is fetched next, who serves it.

import Cluster
import Wire

extension World {
    /// A new socket: nothing that an earlier one asked for comes any more.
    func replaceWeightsLink(_ slot: Int) {
        nodes[slot].weightsSocket += 1
        network.cut(.worker(slot), .coordinator, .weights)
        network.cut(.coordinator, .worker(slot), .weights)
        reconnectWeights(slot, within: 1...20)
    }

    /// What of the coordinator's model is in the cache.
    func tellCached(_ slot: Int, _ welcome: Welcome) {
        guard let model = welcome.model else { return }
        let whole = ToyWeights.layers.indices.filter { layer in
            ToyWeights.layers[layer].allSatisfy { nodes[slot].cache.whole($0.content) != nil }
        }
        var ranges: [Range<Int>] = []
        for layer in whole {
            if let last = ranges.last, last.upperBound == layer {
                ranges[ranges.count - 1] = last.lowerBound..<layer + 1
            } else {
                ranges.append(layer..<layer + 1)
            }
        }
        tell(slot, .cached(CachedLayers(model: model, layers: ranges)))
    }

    /// The same sockets connect again, for weights and for results.
    func reconnectWeights(_ slot: Int, within range: ClosedRange<UInt64>) {
        guard nodes[slot].machine != nil else { return }
        nodes[slot].weightsConnection += 1
        nodes[slot].isWeightsLinkUp = false
        plan(.weightsConnected(nodes[slot].weightsConnection), slot, after: random.milliseconds(range))
    }

    func weightsConnected(_ slot: Int, _ connection: Int) {
        guard nodes[slot].weightsConnection == connection, let endpoint = nodes[slot].welcome?.weightsEndpoint else {
            return
        }
        guard coordinator.accepts, coordinator.life(at: endpoint) != nil,
            !network.areParted(.coordinator, .worker(slot)),
            !network.isClosed(.coordinator, .worker(slot), .weights)
        else { return plan(.weightsConnected(connection), slot, after: random.milliseconds(10...100)) }
        sendResults(slot)
        nodes[slot].isWeightsLinkUp = true
        nodes[slot].weightsPeer = coordinator.life
        tell(slot, .link(.weights, .up))
        advance(slot, .connected)
    }

    /// The stage is taken up: what of it the cache has, and what must be fetched.
    func takeInventory(_ slot: Int, _ epoch: Epoch) {
        guard let assign = nodes[slot].assign(of: epoch) else { return }
        if bug == .earlyLoad { return plan(.loaded(epoch), slot, after: 5) }
        var needs: [WeightFetch.Need] = []
        for tensor in ToyWeights.layers[assign.layers].joined() {
            let cached = cachedBytes(of: tensor, slot)
            needs.append(.init(content: tensor.content, byteCount: UInt64(tensor.bytes.count), cachedBytes: cached))
        }
        let fetch = WeightFetch(needs, for: epoch, window: weights.window, chunkBytes: weights.chunkBytes)
        nodes[slot].load = WeightLoad(assign: assign, fetch: fetch)
        let isAllThere = needs.allSatisfy { $0.cachedBytes == $0.byteCount }
        if nodes[slot].isWeightsLinkUp || isAllThere { advance(slot, .connected) }
    }

    private func cachedBytes(of tensor: ToyWeights.Tensor, _ slot: Int) -> UInt64 {
        let content = tensor.content
        if let whole = nodes[slot].cache.whole(content) {
            if nodes[slot].verified.contains(content) { return UInt64(whole.count) }
            if bug == .uncheckedBytes || ToyWeights.hash(whole) == content {
                nodes[slot].verified.insert(content)
                happened(.cacheReused)
                return UInt64(whole.count)
            }
            happened(.contentRefetched)
            nodes[slot].cache.remove(content)
        }
        let part = min(nodes[slot].cache.partLength(content), tensor.bytes.count - 1)
        if part > 0 { happened(.partialResumed) }
        return UInt64(part)
    }

    /// Hands an event to the fetch and does what it decides. `bytes`: the raw frame of a chunk.
    func advance(_ slot: Int, _ event: WeightFetch.Event, bytes: [UInt8] = []) {
        guard let actions = nodes[slot].load?.fetch.handle(event), let assign = nodes[slot].load?.assign else { return }
        if trace != nil, !actions.isEmpty { trace?.append("\(now) weights of worker \(slot): \(event) -> \(actions)") }
        nodes[slot].lastWeights = now
        for action in actions { perform(action, slot, assign, bytes) }
        if case .chunk = event, let progress = nodes[slot].load?.fetch.progress {
            tell(slot, .loadProgress(assign.epoch, bytesDone: progress.doneBytes, bytesTotal: progress.totalBytes))
        }
    }

    private func perform(_ action: WeightFetch.Action, _ slot: Int, _ assign: Assign, _ bytes: [UInt8]) {
        let epoch = assign.epoch
        switch action {
        case .send(let fetch):
            note(WeightChecker.violation(fetch, of: assign, chunkBytes: weights.chunkBytes))
            let life = nodes[slot].welcome.flatMap { coordinator.life(at: $0.weightsEndpoint) }
            let content = Content.fetch(fetch, socket: nodes[slot].weightsSocket)
            post(content, from: .worker(slot), to: .coordinator, .weights, life: life)
        case .write(let content, let offset):
            if !nodes[slot].cache.write(bytes, at: Int(offset), of: content) {
                note("worker \(slot) writes \(content) at \(offset), beyond what is there")
            }
        case .verify(let content): plan(.verify(epoch, content), slot, after: random.milliseconds(0...3))
        case .discard(let content):
            happened(.contentRefetched)
            nodes[slot].cache.remove(content)
        case .finished:
            plan(.loaded(epoch), slot, after: random.milliseconds(2...80) * nodes[slot].slowness)
        case .failed(let message):
            happened(.loadFailed)
            nodes[slot].load = nil
            tell(slot, .loadFailed(epoch, message: message))
        }
    }

    /// While everybody is there, a load moves: what is lost with a connection is asked for again on the next.
    func checkLoad(_ slot: Int) {
        guard let progress = nodes[slot].load?.fetch.progress, progress.doneBytes < progress.totalBytes,
            nodes[slot].isWeightsLinkUp, coordinator.accepts, nodes[slot].weightsPeer == coordinator.life,
            !network.areParted(.coordinator, .worker(slot)), !nodes[slot].hasSlowWeights,
            !network.isClosed(.coordinator, .worker(slot), .weights),
            !network.losesLarge(.coordinator, .worker(slot)), now - nodes[slot].lastWeights > Self.loadLimit
        else { return }
        note("worker \(slot) waits for weights, and nobody sends any")
    }

    /// Longer than any fault, shorter than the coordinator's patience.
    private static let loadLimit: UInt64 = 4_000

    /// All bytes of a content are written: they are hashed.
    func verify(_ slot: Int, _ epoch: Epoch, _ content: ContentHash) {
        guard nodes[slot].load?.assign.epoch == epoch else { return }
        let isRight = bug == .uncheckedBytes || ToyWeights.hash(nodes[slot].cache.bytes(content)) == content
        if isRight {
            nodes[slot].cache.complete(content)
            nodes[slot].verified.insert(content)
        }
        advance(slot, .verified(content, isRight: isRight))
    }

    /// The stage is made of what lies in the cache, and can compute.
    func finishLoad(_ slot: Int, _ epoch: Epoch) {
        guard let assign = nodes[slot].assign(of: epoch) else { return }
        // It was told to load the same once more meanwhile.
        guard nodes[slot].load?.assign.epoch == epoch || bug == .earlyLoad else { return }
        if nodes[slot].loadFails && random.chance(30) {
            happened(.loadFailed)
            return tell(slot, .loadFailed(epoch, message: "out of luck"))
        }
        let bytes = ToyWeights.layers[assign.layers].map { layer in
            layer.map { nodes[slot].cache.whole($0.content) ?? [] }
        }
        note(WeightChecker.violation(bytes, assign))
        let hasKept = beginStage(slot, assign, factors: bytes.map(ToyWeights.factor))
        let progress = nodes[slot].load?.fetch.progress
        nodes[slot].load = nil
        let total = progress?.totalBytes ?? 0
        let transferred = progress?.transferredBytes ?? 0
        let ready = Ready(
            epoch: epoch, transferredBytes: transferred, cachedBytes: total - min(transferred, total))
        note(WeightChecker.violation(ready, assign))
        tell(
            slot,
            .loaded(
                epoch, transferredBytes: ready.transferredBytes, cachedBytes: ready.cachedBytes, hasKept: hasKept))
    }

    /// Whether it has what it is to keep.
    private func beginStage(_ slot: Int, _ assign: Assign, factors: [UInt64]) -> Bool {
        // Beside the one that computes only what both have in common is kept.
        let computing = nodes[slot].machine?.assignments.first?.epoch
        var others = nodes[slot].stages.filter { $0.stage.assign.epoch != assign.epoch }
        if computing != assign.epoch { others.removeAll { $0.stage.assign.epoch != computing } }
        let previous = others.last { $0.keyValues.kept(for: assign) != nil }
        var kept = previous?.keyValues.kept(for: assign) ?? HeldKeyValues().kept(for: assign)
        if bug == .keptNothing, assign.keptSince.contains(where: { $0 != .none }) { kept = HeldKeyValues.Kept() }
        let hasKept = kept != nil
        if kept == nil { happened(.keepingFailed) }
        if kept?.layers.isEmpty == false { happened(.layersKept) }
        let stage = ToyStage(assign, factors: factors, lengths: lengths, bug: bug)
        if let previous = (previous ?? others.last)?.stage, var kept {
            if bug == .keptTooMuch { kept.layers = Array(assign.layers) }
            stage.take(kept, from: previous)
        }
        var keyValues = HeldKeyValues()
        keyValues.load(assign, kept ?? HeldKeyValues.Kept())
        nodes[slot].stages = computing == assign.epoch ? [] : others
        nodes[slot].stages.append(LoadedStage(stage: stage, keyValues: keyValues))
        return hasKept
    }
}
