// Responsible for: what workers hold of the plan of an earlier coordinator, and that plan, where all of it is there. Must not
// know: how workers know what they hold, requests.
//
// Nobody has to be believed about epochs: keys and values are a function of tokens, so what all stages of a plan say that a
// block contains is in it, whoever had it computed. Steps that were under way when the earlier coordinator was lost have
// come to some stages and not to others; what is not the same at all of them counts for nothing.

import Sequences
import Wire

/// The holdings of workers that were asked for them, until a plan serves.
struct Adoption: Sendable {
    private let configuration: CoordinatorConfiguration
    /// In the order of their joining; nil: it has not said yet.
    private var holdings: [(worker: WorkerID, holding: Holding?)] = []
    /// The first worker said that it holds something.
    private var heldSince: Moment?
    /// A plan has served: what is held from now on is known from there.
    private(set) var isOver: Bool

    init(_ configuration: CoordinatorConfiguration) {
        self.configuration = configuration
        isOver = configuration.modelHash == nil
    }

    // MARK: What is told

    /// A worker that joins is asked what it holds.
    mutating func ask(_ worker: WorkerID) {
        remove(worker)
        holdings.append((worker, nil))
    }

    /// It says so. False: it was not asked, or says what cannot be.
    mutating func note(_ holding: Holding, of worker: WorkerID, _ now: Moment) -> Bool {
        guard let index = holdings.firstIndex(where: { $0.worker == worker && $0.holding == nil }) else { return false }
        holdings[index].holding = isUsable(holding) ? holding : Holding()
        if heldSince == nil, isUsable(holding) { heldSince = now }
        return isUsable(holding)
    }

    private func isUsable(_ holding: Holding) -> Bool {
        holding.model != nil && holding.model == configuration.modelHash
            && holding.layers.upperBound <= configuration.model.layerBytes.count
            && holding.keyValueBlockCount >= configuration.minimumBlocks
            && newestEpoch(of: holding).value < Self.latest(configuration.firstEpoch).value
    }

    private func newestEpoch(of holding: Holding) -> Epoch { holding.since.max() ?? .none }

    /// Epochs begin with the time of day in milliseconds: one of thirty years ahead is nobody's.
    private static func latest(_ first: Epoch) -> Epoch {
        let (sum, overflows) = first.value.addingReportingOverflow(1 << 40)
        return Epoch(overflows ? .max : sum)
    }

    /// It is gone, or told to free what it holds.
    mutating func remove(_ worker: WorkerID) { holdings.removeAll { $0.worker == worker } }

    /// A plan serves.
    mutating func end() {
        isOver = true
        holdings = []
    }

    // MARK: What follows

    /// The first of the layers that a worker holds; nil: it holds none.
    func firstLayer(of worker: WorkerID) -> Int? { holding(of: worker)?.layers.lowerBound }

    private func holding(of worker: WorkerID) -> Holding? {
        holdings.first { $0.worker == worker }?.holding.flatMap { $0.model == nil ? nil : $0 }
    }

    /// Of all that workers hold.
    var newestEpoch: Epoch { holdings.compactMap { $0.holding.map(newestEpoch) }.max() ?? .none }

    /// Not all of these have said what they hold.
    func awaitsWord(of members: [Member]) -> Bool {
        members.contains { member in holdings.contains { $0.worker == member.id && $0.holding == nil } }
    }

    /// Why no plan is to be made yet, where some of these members hold a part of one; nil: it may.
    func reasonToAwaitOthers(_ members: [Member], _ now: Moment) -> PlanRefusal? {
        guard !isOver, let heldSince, now - heldSince < configuration.smallerPlanAfter else { return nil }
        let held = Set(members.compactMap { holding(of: $0.id)?.layers }.joined())
        return held.isEmpty ? nil : .heldInPart(layers: held.count, of: configuration.model.layerBytes.count)
    }

    /// The plan that these members hold together; nil: they do not. Of two that hold the same, the one that got it last.
    func plan(over members: [Member]) -> Plan? {
        guard !isOver else { return nil }
        let all = members.compactMap { member in holding(of: member.id).map { (worker: member.id, holding: $0) } }
        guard let newest = all.max(by: { newestEpoch(of: $0.holding) < newestEpoch(of: $1.holding) }) else {
            return nil
        }
        let blockCount = newest.holding.keyValueBlockCount
        let layerCount = configuration.model.layerBytes.count
        /// [layers] who goes on from each, to the last.
        var following: [(worker: WorkerID, holding: Holding)?] = Array(repeating: nil, count: layerCount)
        for layer in (0..<layerCount).reversed() {
            for candidate in all
            where candidate.holding.layers.lowerBound == layer && candidate.holding.keyValueBlockCount == blockCount {
                let end = candidate.holding.layers.upperBound
                guard end == layerCount || following[end] != nil else { continue }
                if let other = following[layer], newestEpoch(of: candidate.holding) <= newestEpoch(of: other.holding) {
                    continue
                }
                following[layer] = candidate
            }
        }
        var plan = Plan(stages: [], blockCount: blockCount, keepsOutputs: true)
        var layer = 0
        while layer < layerCount {
            guard let next = following[layer] else { return nil }
            layer = next.holding.layers.upperBound
            if layer < layerCount, !next.holding.outputs.contains(where: { $0.layer == layer }) {
                plan.keepsOutputs = false
            }
            plan.stages.append(Plan.Share(worker: next.worker, layers: next.holding.layers))
        }
        if plan.stages.count == 1 { plan.keepsOutputs = false }
        if let split = configuration.split, split != plan.stages.map(\.layers) { return nil }
        return plan
    }

    /// What each stage of a plan is to keep, where it is all of it; nil: some do not have what the plan gives them.
    func keeping(for plan: Plan) -> [KeyValueHolders.Keeping]? {
        guard !isOver else { return nil }
        var keeping: [KeyValueHolders.Keeping] = []
        for share in plan.stages {
            guard let holding = holding(of: share.worker), holding.layers == share.layers,
                holding.keyValueBlockCount == plan.blockCount
            else { return nil }
            keeping.append(.init(layers: holding.since, outputs: holding.outputs))
        }
        return keeping
    }

    /// What every stage of a plan has in its blocks, each behind its parent.
    func blocks(of plan: Plan) -> [Holding.Block] {
        let stages = plan.stages.map { holding(of: $0.worker)?.blocks ?? [] }
        guard let first = stages.first else { return [] }
        /// [stages, blocks]
        let places = stages.map { blocks in
            var places = Array(repeating: -1, count: plan.blockCount)
            for (place, block) in blocks.enumerated() { places[Int(block.block)] = place }
            return places
        }
        /// [blocks]
        var children: [[Int32]] = Array(repeating: [], count: plan.blockCount)
        var due: [Int32] = []
        for block in first {
            if let parent = block.parent { children[Int(parent)].append(block.block) } else { due.append(block.block) }
        }
        var common: [Holding.Block] = []
        var next = 0
        while next < due.count {
            let all = zip(stages, places).compactMap { blocks, places in
                places[Int(due[next])] < 0 ? nil : blocks[places[Int(due[next])]]
            }
            next += 1
            guard all.count == stages.count, let block = Self.common(all, configuration.lengthRule) else { continue }
            common.append(block)
            if block.tokens.count == KeyValueBlock.positions { due += children[Int(block.block)] }
        }
        return common
    }

    /// What all stages have of a block; nil: nothing.
    private static func common(_ all: [Holding.Block], _ rule: LengthRule) -> Holding.Block? {
        guard let first = all.first else { return nil }
        let kind = rule.lengthClass(restartLength: first.restartLength)
        var count = first.tokens.count
        for other in all.dropFirst() {
            guard other.parent == first.parent, rule.lengthClass(restartLength: other.restartLength) == kind else {
                return nil
            }
            count = min(count, zip(first.tokens, other.tokens).prefix { $0 == $1 }.count)
        }
        guard count > 0 else { return nil }
        return Holding.Block(
            block: first.block, parent: first.parent, restartLength: first.restartLength,
            tokens: Array(first.tokens.prefix(count)))
    }
}
