// Responsible for: many worlds without a violation, and worlds with a planted bug with one. Must not know: details of
// the world.
//
// TANDEM_SIMULATION_SEED=n runs the world of one seed and tells what happened in it; TANDEM_SIMULATION_SEEDS=n runs
// that many.

import Cluster
import Foundation
import Sequences
import Testing
import Wire

@Suite struct SimulationTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    /// The violations of the worlds of these seeds, each with its seed, on two threads.
    private static func violations(_ seeds: Range<UInt64>, bug: PlantedBug? = nil) async -> [String] {
        await withTaskGroup(of: [String].self) { group in
            let lanes: UInt64 = 2
            for lane in 0..<lanes {
                group.addTask {
                    var found: [String] = []
                    for seed in seeds where seed % lanes == lane {
                        if let violation = World(seed: seed, bug: bug).run() {
                            found.append("TANDEM_SIMULATION_SEED=\(seed): \(violation)")
                        }
                        if found.count == 5 { break }
                    }
                    return found
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    @Test("Whatever fails, every request ends once with the single-process answer, and nothing is held at rest")
    func worlds() async {
        var seeds: Range<UInt64> = 0..<(Self.number("TANDEM_SIMULATION_SEEDS") ?? 2_000)
        if let seed = Self.number("TANDEM_SIMULATION_SEED") {
            seeds = seed..<seed + 1
            let world = World(seed: seed)
            world.trace = []
            let violation = world.run()
            Issue.record("\((world.trace ?? []).joined(separator: "\n"))\n\(violation ?? "no violation")")
        }
        for violation in await Self.violations(seeds) { Issue.record("\(violation)") }
    }

    @Test("A planted bug is caught within 20 seeds", arguments: PlantedBug.allCases)
    func plantedBug(_ bug: PlantedBug) async {
        let found = await Self.violations(0..<20, bug: bug)
        #expect(!found.isEmpty)
    }

    @Test("The same seed gives the same run")
    func determinism() {
        for seed: UInt64 in 1...5 {
            let runs = (0..<2).map { _ in
                let world = World(seed: seed)
                let violation = world.run()
                return "\(world.now) \(world.handled) \(world.bounds.most) \(violation ?? "")"
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
            let status = world.coordinator.status(now: .milliseconds(world.now))
            if case .replayed(let length) = world.lengths {
                count("sequences restart", trace.contains("restartLength: \(length + 1),"))
            }
            count("prompts are scored", trace.contains("score("))
            count("steps overlap", world.bounds.most > 1)
            count("plans are replaced", status.epoch.value > 1_002)
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
