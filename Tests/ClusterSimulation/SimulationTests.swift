// Responsible for: many worlds without a violation, and worlds with a planted bug with one. Must not know: details of
// the world.
//
// A world is a cluster in one thread and virtual time: the production machines of coordinator, workers and weight fetches,
// clients, a network and all that goes wrong follow from one seed (World/World.swift). A failure names its seed.
//
//   TANDEM_SIMULATION_SEED=n    replays the world of one seed and tells everything that happened in it
//   TANDEM_SIMULATION_SEEDS=n   runs the worlds of seeds 0 ..< n, and tells how often each kind of thing happened
//
// as in `TANDEM_SIMULATION_SEED=17 swift test --filter SimulationTests`. The same seed gives the same world as long as
// neither the machines nor the simulation change. Many seeds want `-Xswiftc -O`.

import Cluster
import Foundation
import Sequences
import Testing
import Wire

@Suite struct SimulationTests {
    /// What became of some worlds.
    private struct Outcome {
        /// Each with its seed.
        var violations: [String] = []
        var tally = Tally()
    }

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    /// Runs the worlds of these seeds on two threads, each until it has found so many violations.
    private static func run(_ seeds: Range<UInt64>, bug: PlantedBug? = nil, violations: Int) async -> Outcome {
        await withTaskGroup(of: Outcome.self) { group in
            let lanes: UInt64 = 2
            for lane in 0..<lanes {
                group.addTask {
                    var outcome = Outcome()
                    for seed in seeds where seed % lanes == lane {
                        let world = World(seed: seed, bug: bug)
                        if let violation = world.run() {
                            outcome.violations.append("TANDEM_SIMULATION_SEED=\(seed): \(violation)")
                        }
                        outcome.tally += world.tally
                        if outcome.violations.count == violations { break }
                    }
                    return outcome
                }
            }
            return await group.reduce(into: Outcome()) {
                $0.violations += $1.violations
                $0.tally += $1.tally
            }
        }
    }

    @Test("Whatever fails, every request ends once with the single-process answer, and nothing is held at rest")
    func worlds() async {
        if let seed = Self.number("TANDEM_SIMULATION_SEED") { return Self.replay(seed) }
        let count = Self.number("TANDEM_SIMULATION_SEEDS")
        let outcome = await Self.run(0..<(count ?? 1_250), violations: 5)
        for violation in outcome.violations { Issue.record("\(violation)") }
        if let count { print("In \(count) worlds:\n\(outcome.tally.description)") }
        guard count ?? .max >= 1_000 else { return }
        for happening in Happening.allCases {
            #expect(outcome.tally[happening] >= 5, "too seldom in these worlds: \(happening.rawValue)")
        }
    }

    private static func replay(_ seed: UInt64) {
        let world = World(seed: seed)
        world.trace = []
        let violation = world.run()
        Issue.record("\((world.trace ?? []).joined(separator: "\n"))\n\(violation ?? "no violation")")
    }

    @Test("A planted bug is caught within a few seeds", arguments: PlantedBug.allCases)
    func plantedBug(_ bug: PlantedBug) async {
        let outcome = await Self.run(0..<bug.seeds, bug: bug, violations: 1)
        #expect(!outcome.violations.isEmpty)
    }

    @Test("The same seed gives the same run")
    func determinism() {
        for seed: UInt64 in 1...5 {
            let runs = (0..<2).map { _ in
                let world = World(seed: seed)
                let violation = world.run()
                return
                    "\(world.now) \(world.handled) \(world.bounds.most) \(violation ?? "")\n\(world.tally.description)"
            }
            #expect(runs[0] == runs[1])
        }
    }

    @Test("Worlds are worth running: each thing that schedulers do happens in many of them")
    func variety() {
        var seen: [String: Int] = [:]
        func count(_ what: String, _ happened: Bool) { seen[what, default: 0] += happened ? 1 : 0 }
        for seed: UInt64 in 0..<100 {
            let world = World(seed: seed)
            world.trace = []
            _ = world.run()
            let trace = (world.trace ?? []).joined()
            guard let status = world.status else { continue }
            if case .replayed(let length) = world.lengths {
                count("sequences restart", trace.contains("restartLength: \(length + 1),"))
            }
            count("prompts are scored", trace.contains("score("))
            count("steps overlap", world.bounds.most > 1)
            count("plans are replaced", status.epoch.value > world.coordinator.configuration.firstEpoch.value + 2)
            count("prefixes are reused", status.pipeline.reusedTokens > 0)
            count("sequences give way", status.pipeline.preemptions > 0)
            count("guesses are right", status.pipeline.acceptedTokens > 0)
            count("guesses are wrong", status.pipeline.acceptedTokens < status.pipeline.draftedTokens)
            count("steps are skipped", status.pipeline.skippedSteps > 0)
        }
        #expect(seen.count == 9)
        for (what, worlds) in seen { #expect(worlds >= 4, "\(what) in \(worlds) of 100 worlds") }
    }
}
