// Responsible for: who gets which layers after everything was started again. Must not know: how plans are written down.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct PlanRecallTests {
    private static let model = ContentHash(Array(repeating: 3, count: ContentHash.byteCount))!

    private static func hash(_ number: UInt8) -> ContentHash {
        ContentHash(Array(repeating: number, count: ContentHash.byteCount))!
    }

    private static func key(_ number: UInt8) -> NodeKey { NodeKey(Array(repeating: number, count: NodeKey.byteCount))! }

    /// A plan of these stages: the numbers of their caches and keys; 0: none.
    private static func plan(
        _ epoch: UInt64, _ stages: (cache: UInt8, key: UInt8, layers: Range<Int>)..., isSettled: Bool = false
    ) -> JournalPlan {
        JournalPlan(
            epoch: Epoch(epoch),
            stages: stages.map {
                JournalPlan.Stage(
                    layers: $0.layers, key: $0.key == 0 ? nil : key($0.key), cache: $0.cache == 0 ? nil : hash($0.cache)
                )
            }, isSettled: isSettled)
    }

    /// Two that were asked for, of which the first had two thirds.
    private static let uneven = plan(5, (1, 0, 0..<4), (2, 0, 4..<6))

    private func played(_ plans: [JournalPlan], minimum: Int = 1) -> Played {
        var configuration = Example.configuration()
        (configuration.modelHash, configuration.recalledPlans) = (Self.model, plans)
        (configuration.guesses, configuration.minimumWorkers) = (false, minimum)
        return Played(configuration)
    }

    /// A worker with a cache and a key joins, and says that it holds nothing and what it has on its disk.
    private func join(
        _ number: UInt64, cache: UInt8, key: UInt8 = 0, cached: [Range<Int>]? = nil, _ played: inout Played
    ) {
        var join = Example.join(number)
        join.cacheIdentity = cache == 0 ? nil : Self.hash(cache)
        join.key = key == 0 ? nil : Self.key(key)
        let actions = played.tell(.worker(WorkerID(number), .join(join)))
        let asks = actions.contains {
            if case .send(_, .welcome(let welcome)) = $0 { welcome.model == Self.model } else { false }
        }
        #expect(asks)
        if let cached {
            played.tell(.worker(WorkerID(number), .cached(CachedLayers(model: Self.model, layers: cached))))
        }
        var all = played.tell(.worker(WorkerID(number), .holding(Holding())))
        all += played.reach(number)
        played.actions = all
    }

    private func layers(_ played: Played) -> [UInt64: Range<Int>] {
        Dictionary(uniqueKeysWithValues: played.plan.map { ($0.worker, $0.layers) })
    }

    @Test("Whoever comes back with its cache gets the layers that it had, in whatever order they come")
    func order() {
        for order in [[8, 9], [9, 8]] as [[UInt64]] {
            var played = played([Self.uneven])
            join(order[0], cache: order[0] == 8 ? 1 : 2, &played)
            #expect(played.plan.isEmpty)
            let why = played.tell(.submit(Example.task(1))).explanations
            #expect(why.first?.contains("1 of the 2 workers that had layers before are not back") == true)
            join(order[1], cache: order[1] == 8 ? 1 : 2, &played)
            #expect(layers(played) == [8: 0..<4, 9: 4..<6])
        }
    }

    @Test("Those that do not come back are waited for a moment, after the last that came, and no longer")
    func absent() {
        var played = played([Self.plan(5, (1, 0, 0..<2), (2, 0, 2..<4), (3, 0, 4..<6))])
        join(9, cache: 3, &played)
        #expect(played.pass(2_500, alive: [9]).assigns.isEmpty)
        join(8, cache: 1, &played)
        #expect(played.pass(2_500, alive: [8, 9]).assigns.isEmpty)
        #expect(!played.pass(1_000, alive: [8, 9]).assigns.isEmpty)
        #expect(played.plan.map(\.worker) == [8, 9])
    }

    @Test("Nobody is waited for whom no plan names, nor where none that it names has come")
    func strangers() {
        var played = played([Self.uneven])
        join(7, cache: 5, &played)
        #expect(layers(played) == [7: 0..<6])
        var other = self.played([])
        join(7, cache: 1, &other)
        #expect(layers(other) == [7: 0..<6])
    }

    @Test("Workers that share a cache are told apart by their keys, and a cache counts more than a key")
    func sharedCaches() {
        let plan = Self.plan(5, (1, 1, 0..<3), (1, 2, 3..<5), (2, 3, 5..<6))
        var played = played([plan])
        join(9, cache: 1, key: 2, &played)
        join(8, cache: 2, key: 3, &played)
        join(7, cache: 1, key: 1, &played)
        #expect(layers(played) == [7: 0..<3, 9: 3..<5, 8: 5..<6])
        // Keys that processes take in the order of their starts say nothing.
        var mixed = self.played([plan])
        join(9, cache: 2, key: 1, &mixed)
        join(8, cache: 1, key: 3, &mixed)
        join(7, cache: 1, key: 2, &mixed)
        #expect(layers(mixed) == [8: 0..<3, 7: 3..<5, 9: 5..<6])
    }

    @Test("Where nodes went one after the other, what all of them had counts")
    func leavers() {
        let plans = [Self.uneven, Self.plan(6, (2, 0, 0..<6))]
        var played = played(plans)
        join(9, cache: 2, &played)
        #expect(played.plan.isEmpty)
        join(8, cache: 1, &played)
        #expect(layers(played) == [8: 0..<4, 9: 4..<6])
    }

    @Test("A plan that does not fit, is of fewer layers, or another than was asked for, is none")
    func useless() {
        var small = played([Self.uneven])
        small.coordinator = Coordinator(small.coordinator.configuration, now: .start)
        var join = Example.join(8, memory: 460)
        join.cacheIdentity = Self.hash(1)
        small.tell(.worker(WorkerID(8), .join(join)))
        small.tell(.worker(WorkerID(8), .holding(Holding())))
        small.reach(8)
        self.join(9, cache: 2, &small)
        #expect(small.plan.map(\.layers) != [0..<4, 4..<6] && small.plan.count == 2)
        var fewer = played([Self.plan(5, (1, 0, 0..<4), (2, 0, 4..<5))])
        self.join(9, cache: 2, &fewer)
        #expect(layers(fewer) == [9: 0..<6])
        var configuration = played([Self.uneven]).coordinator.configuration
        configuration.split = [0..<2, 2..<6]
        var asked = Played(configuration)
        self.join(9, cache: 2, &asked)
        self.join(8, cache: 1, &asked)
        #expect(asked.plan.map(\.layers) == [0..<2, 2..<6])
    }

    @Test("A plan that serves is written down at once, and once more when it has served for a while")
    func written() {
        var played = played([], minimum: 2)
        join(9, cache: 2, key: 4, &played)
        join(8, cache: 1, &played)
        played.ready()
        let records = played.actions.records
        #expect(records.count == 1 && records[0].epoch == played.epoch && !records[0].isSettled)
        #expect(records.first?.stages.map(\.cache) == [Self.hash(2), Self.hash(1)])
        #expect(records.first?.stages.map(\.key) == [Self.key(4), nil])
        #expect(records.first?.stages.map(\.layers) == [0..<3, 3..<6])
        let later = played.pass(40_000, alive: [8, 9]).records
        #expect(later.map(\.isSettled) == [true] && later[0].stages == records[0].stages)
    }

    @Test("Without a journal, workers that have all layers on their disks get what they have")
    func cached() {
        var played = played([], minimum: 3)
        join(7, cache: 7, cached: [4..<6], &played)
        join(8, cache: 8, cached: [0..<2], &played)
        join(9, cache: 9, cached: [0..<1, 2..<4], &played)
        #expect(layers(played) == [8: 0..<2, 9: 2..<4, 7: 4..<6])
    }

    @Test("Layers of another model are none, and what a worker says counts more than what it was given before")
    func otherModel() {
        var played = played([Self.plan(5, (7, 0, 0..<6))], minimum: 2)
        join(7, cache: 7, cached: [], &played)
        played.tell(.worker(WorkerID(7), .cached(CachedLayers(model: Self.hash(9), layers: [0..<6]))))
        #expect(played.coordinator.membership[WorkerID(7)]?.cachedLayers == [])
        var other = self.played([Self.plan(5, (7, 0, 0..<6))], minimum: 2)
        join(7, cache: 7, &other)
        #expect(other.coordinator.membership[WorkerID(7)]?.cachedLayers == [0..<6])
    }

    @Test("A newcomer without weights gets its half, though the one that is there has all of them")
    func newcomer() {
        var played = played([], minimum: 2)
        join(8, cache: 8, cached: [0..<6], &played)
        join(9, cache: 9, cached: [], &played)
        #expect(layers(played) == [8: 0..<3, 9: 3..<6])
    }
}

extension [Coordinator.Action] {
    fileprivate var records: [JournalPlan] { compactMap { if case .record(let plan) = $0 { plan } else { nil } } }
}
