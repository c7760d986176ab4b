// Responsible for: a cluster of real processes that answers while a member and a client say whatever they like. Must not
// know: how messages are changed.
import Foundation
import Testing
import Transport

@testable import CommandTests

/// One after the other: they measure.
@Suite("Messages of those who mean harm", .serialized) enum MessageFuzz {}

extension MessageFuzz {
    @Suite("To a cluster", .serialized) struct ClusterFuzzTests {
        static let request = [
            "--prompt", "Once upon a time", "--seed", "11", "--ignore-eos", "--max-tokens", "150",
        ]

        @Test("A cluster answers as ever while changed messages arrive at every port")
        func everyPort() async throws {
            let cluster = try await LocalCluster("--split", "0-2,3-5", "--context", "512")
            try await cluster.join(count: 2)
            let victims =
                [Victim(name: "coordinator", process: cluster.coordinator)]
                + cluster.workers.enumerated().map { Victim(name: "worker \($0 + 1)", process: $1) }

            let expected = try await cluster.answer(Self.request)
            let calm = try await seconds(of: 5) {
                let answer = try await cluster.answer(Self.request)
                #expect(answer == expected)
            }
            let before = try victims.map { try $0.residentBytes() }
            let progress = Progress()
            let keyring = try await Keyring(cluster)
            let storm = Storm(
                targets: try targets(cluster, victims, keyring), identities: keyring.identities, progress: progress)
            let thread = try LoopThread(name: "storm") {
                defer { progress.end() }
                try storm.run()
            }
            defer { progress.end() }
            var stormy: [Double] = []
            var failure: (any Error)?
            while !progress.isOver, failure == nil {
                do {
                    stormy += try await seconds(of: 1) {
                        let answer = try await cluster.answer(Self.request)
                        #expect(answer == expected, "\(Run.replay)\n\(progress.recent)")
                    }
                } catch { failure = error }
                if !victims.allSatisfy(\.process.isRunning) { break }
            }
            // An end of a node says more than what became of an answer.
            for victim in victims {
                try #require(
                    victim.process.isRunning,
                    "\(victim.name) has ended; \(Run.replay)\n\(victim.process.talkSoFar.suffix(8000))\n\(progress.recent)"
                )
            }
            if let failure {
                Run.tell("an answer failed beside \(progress.sent) messages; \(Run.replay)")
                for victim in victims { Run.tell("\(victim.name): \(victim.process.talkSoFar.suffix(3000))") }
                throw failure
            }
            try await thread.value

            try await cluster.waitUntilServing(workers: 2)
            let last = try await cluster.answer(Self.request)
            #expect(last == expected, "\(Run.replay)")
            #expect(progress.breaches.isEmpty, "let in: \(progress.breaches)")
            let slowdown = median(stormy) / median(calm)
            Run.tell(
                "\(progress.sent) messages (\(progress.dropped) not taken), \(stormy.count) answers beside them: "
                    + "\(String(format: "%.2f", slowdown)) times as slow (\(median(calm)) s before); \(Run.replay)")
            for (victim, earlier) in zip(victims, before) {
                let growth = try await settledBytes(of: victim, below: earlier + Self.mostGrowth) - earlier
                Run.tell("\(victim.name): \(growth >> 10) KiB more than before")
                #expect(growth < Self.mostGrowth, "\(victim.name); \(Run.replay)")
            }
        }

        private static let mostGrowth = 20 << 20

        /// Memory that stays: a coordinator gives back every ten seconds what large messages have left behind.
        private func settledBytes(of victim: Victim, below wanted: Int) async throws -> Int {
            for _ in 0..<30 {
                let bytes = try victim.residentBytes()
                if bytes < wanted { return bytes }
                try await Task.sleep(for: .seconds(1))
            }
            return try victim.residentBytes()
        }

        /// Every port on which a process of the cluster listens.
        private func targets(_ cluster: LocalCluster, _ victims: [Victim], _ keyring: Keyring) throws -> [Target] {
            let control = try #require(UInt16(cluster.address.split(separator: ":").last ?? ""))
            var targets: [Target] = []
            for victim in victims {
                let isWorker = victim.process !== cluster.coordinator
                for port in try victim.ports() {
                    if isWorker {
                        targets += keyring.workers.map { Target(kind: .data, port: port, server: $0) }
                    } else if port == control {
                        targets += Array(
                            repeating: Target(kind: .control, port: port, server: keyring.server), count: 2)
                    } else {
                        targets += [Target.Kind.results, .weights].map {
                            Target(kind: $0, port: port, server: keyring.server)
                        }
                    }
                }
            }
            // Three of the coordinator, one of each worker.
            try #require(Set(targets.map(\.port)).count == 5)
            return targets
        }

        private func seconds(of count: Int, _ body: () async throws -> Void) async throws -> [Double] {
            var result: [Double] = []
            for _ in 0..<count {
                let start = ContinuousClock.now
                try await body()
                result.append((ContinuousClock.now - start) / .seconds(1))
            }
            return result
        }

        private func median(_ values: [Double]) -> Double {
            values.isEmpty ? 0 : values.sorted()[values.count / 2]
        }
    }
}
