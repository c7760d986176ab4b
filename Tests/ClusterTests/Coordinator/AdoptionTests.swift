// Responsible for: what a coordinator makes of what workers hold from the one before it. Must not know: how workers know.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct AdoptionTests {
    private static let model = ContentHash(Array(repeating: 3, count: ContentHash.byteCount))
    private static let tokens = (0..<40).map { Int32($0) }

    private func played(_ change: (inout CoordinatorConfiguration) -> Void = { _ in }) -> Played {
        var configuration = Example.configuration()
        configuration.modelHash = Self.model
        configuration.guesses = false
        change(&configuration)
        return Played(configuration)
    }

    /// A block of the first 32 of some tokens, and one of those behind them.
    private func holding(
        _ layers: Range<Int>, _ tokens: [Int32] = Self.tokens, since: UInt64 = 7, blocks: Int = 8
    ) -> Holding {
        var holding = Holding()
        holding.model = Self.model
        holding.layers = layers
        holding.since = layers.map { _ in Epoch(since) }
        holding.keyValueBlockCount = blocks
        if layers.upperBound < 6 { holding.outputs = [KeptOutputs(layer: layers.upperBound, since: Epoch(since))] }
        if tokens.count > 32 {
            holding.blocks.append(.init(block: 2, parent: 5, restartLength: 4, tokens: Array(tokens[32...])))
        }
        holding.blocks.append(.init(block: 5, parent: nil, restartLength: 4, tokens: Array(tokens.prefix(32))))
        return holding
    }

    /// A worker joins, is asked and answers.
    private func join(_ number: UInt64, _ holding: Holding, _ played: inout Played) {
        let actions = played.tell(.worker(WorkerID(number), .join(Example.join(number))))
        let asks = actions.contains {
            if case .send(_, .welcome(let welcome)) = $0 { welcome.asksHolding } else { false }
        }
        #expect(asks)
        var all = played.tell(.worker(WorkerID(number), .holding(holding)))
        all += played.reach(number)
        played.actions = all
    }

    /// The position from which a request with the tokens is computed.
    private func firstPosition(_ played: inout Played) -> Int? {
        let task = GenerationTask(
            request: RequestID(1), prompt: Array(Self.tokens[..<4]), answered: Array(Self.tokens[4...]),
            sampling: SamplingParameters(), maximumTokens: 60, endTokens: [])
        return played.tell(.submit(task)).forwards.first?.items.first?.position
    }

    @Test("A whole plan goes on as it stands, whoever joins first, and what it holds is found")
    func whole() {
        var played = played()
        // They say of themselves that they are slow and fast: another plan would be made for them.
        join(2, holding(3..<6), &played)
        #expect(played.actions.assigns.isEmpty)
        join(1, holding(0..<3), &played)
        #expect(played.plan.map(\.worker) == [1, 2] && played.plan.map(\.layers) == [0..<3, 3..<6])
        let assigns = played.actions.assigns
        #expect(assigns.map(\.keptSince) == Array(repeating: [Epoch(7), Epoch(7), Epoch(7)], count: 2))
        #expect(assigns.map(\.keyValueBlockCount) == [8, 8] && assigns.map(\.model) == [Self.model, Self.model])
        #expect(assigns.map(\.outputs) == [[KeptOutputs(layer: 3, since: Epoch(7))], []])
        played.ready(hasKept: true)
        #expect(firstPosition(&played) == 39)
        let status = played.coordinator.status(now: played.now)
        #expect(status.keyValueBlocksTotal == 8 && status.pipeline.reusedTokens == 39)
        // Whoever joins later is not asked.
        let later = played.tell(.worker(WorkerID(3), .join(Example.join(3))))
        #expect(!later.contains { if case .send(_, .welcome(let welcome)) = $0 { welcome.asksHolding } else { false } })
    }

    @Test("Only what all stages have counts, up to the first token that they have otherwise")
    func intersection() {
        for (other, found) in [
            (Array(Self.tokens[..<35]), 35), (Array(Self.tokens[..<20]), 20),
            (Array(Self.tokens[..<34]) + [90, 91, 92], 34), ([90] + Self.tokens[1...], 0),
        ] {
            var played = played()
            join(1, holding(0..<3), &played)
            join(2, holding(3..<6, other), &played)
            played.ready(hasKept: true)
            #expect(firstPosition(&played) == found)
        }
    }

    @Test("Blocks whose parents go round, are missing or are not full are not found")
    func parents() {
        for (parent, tokens) in [(2, 32), (7, 32), (5, 31)] as [(Int32, Int)] {
            var held = holding(0..<6)
            held.blocks[0].parent = parent
            held.blocks[1].tokens = Array(Self.tokens.prefix(tokens))
            var played = played()
            join(1, held, &played)
            played.ready(hasKept: true)
            // One that is full and that nothing continues is found but for its last position.
            #expect(firstPosition(&played) == min(tokens, 31))
        }
    }

    @Test("A stage that has not what it said begins anew with all others, and nothing is found")
    func liar() {
        var played = played()
        join(1, holding(0..<3), &played)
        join(2, holding(3..<6), &played)
        played.ready(hasKept: false)
        #expect(firstPosition(&played) == 0)
    }

    @Test("Epochs go on from what is held, but not from what nobody can hold")
    func epochs() {
        var played = played()
        join(1, holding(0..<6, since: 5_000), &played)
        #expect(played.epoch == Epoch(5_001))
        for epoch in [UInt64.max, 1 << 41] {
            var other = self.played()
            join(1, holding(0..<6, since: epoch), &other)
            #expect(other.epoch == Epoch(11) && other.actions.assigns.allSatisfy { $0.keptSince.isEmpty })
        }
    }

    @Test(
        "Another model, other blocks than a context needs, another split than was asked for: nothing of it is of use",
        arguments: 0..<3)
    func useless(_ kind: Int) {
        var played = played { if kind == 2 { $0.split = [0..<4, 4..<6] } }
        for (number, layers) in [(1, 0..<3), (2, 3..<6)] as [(UInt64, Range<Int>)] {
            var held = holding(layers, blocks: kind == 1 ? 1 : 8)
            if kind == 1 { held.blocks = [] }
            if kind == 0 { held.model = ContentHash(Array(repeating: 4, count: ContentHash.byteCount)) }
            join(number, held, &played)
        }
        if kind == 2 { played.actions = played.pass(6_000, alive: [1, 2]) }
        #expect(!played.actions.assigns.isEmpty && played.actions.assigns.allSatisfy { $0.keptSince.isEmpty })
    }

    @Test(
        "For the worker that held the other layers it waits a moment, then plans without, in the order of what is held")
    func missing() {
        var played = played()
        join(9, holding(4..<6), &played)
        join(2, Holding(), &played)
        join(1, holding(0..<2), &played)
        #expect(played.actions.assigns.isEmpty)
        let task = Example.task(1)
        #expect(played.tell(.submit(task)).explanations.first?.contains("4 of 6 layers are held") == true)
        let assigns = played.pass(6_000, alive: [1, 2, 9]).assigns
        #expect(assigns.count == 3 && assigns.allSatisfy { $0.keptSince.isEmpty })
        let order = played.plan.map(\.worker)
        #expect((order.firstIndex(of: 1) ?? 9) < order.firstIndex(of: 9) ?? 0)
    }

    @Test("Who comes back while it waits completes the plan; one that is lost before it serves is waited for again")
    func back() {
        var played = played()
        join(1, holding(0..<3), &played)
        _ = played.pass(1_000, alive: [1])
        join(2, holding(3..<6), &played)
        #expect(played.plan.map(\.worker) == [1, 2])
        played.tell(.disconnected(WorkerID(2)))
        #expect(played.plan.isEmpty)
        join(2, holding(3..<6), &played)
        #expect(played.actions.assigns.map(\.keptSince.first) == [Epoch(7), Epoch(7)])
        played.ready(hasKept: true)
        #expect(firstPosition(&played) == 39)
    }
}
