// Responsible for: two coordinators of which one takes the place of the other, as processes. Must not know: by which rules.
import Foundation
import Testing

extension CommandTests {
    @Suite("Two coordinators", .serialized)
    struct StandbyCommandTests {
        /// A coordinator with workers, and one that follows it.
        private final class Pair {
            let cluster: LocalCluster
            let standby: TandemProcess
            let standbyFolder: TemporaryFolder
            let standbyAddress: String

            init(workers: Int, _ arguments: [String] = []) async throws {
                let listen = "tcp://127.0.0.1:\(try ReattachTests.port())"
                cluster = try await LocalCluster(listen: listen, "--min-workers", "\(workers)", "--sync-standby")
                let token = try await tandem("token", "create", "--role", "standby", cache: cluster.folder)
                let line = try #require(token.output.split(whereSeparator: \.isWhitespace).last.map(String.init))
                #expect(token.output.hasPrefix("tandem coordinator --model MODEL"))
                standbyFolder = try TemporaryFolder()
                standbyAddress = "127.0.0.1:\(try ReattachTests.port())"
                standby = try TandemProcess(
                    [
                        "coordinator", "--model", Place.tales, "--listen", "tcp://\(standbyAddress)", "--min-workers",
                        "\(workers)", "--standby-of", line, TandemProcess.endsWithStandardInput,
                    ], cache: standbyFolder)
                try await cluster.join(count: workers)
                _ = try await cluster.status { $0.standby?.isFollowing == true && $0.standby?.electors == workers }
            }

            /// Answers that are under way.
            func ask(_ questions: [[String]]) async throws -> [TandemProcess] {
                let clients = try questions.map {
                    try TandemProcess(
                        ["generate", "--coordinator", cluster.address] + $0, cache: cluster.folder)
                }
                for client in clients {
                    let isUnderWay = await eventually { client.outputSoFar.utf8.count > 40 || !client.isRunning }
                    try #require(isUnderWay && client.isRunning, "\(client.talkSoFar)")
                }
                return clients
            }

            func check(_ clients: [TandemProcess], _ expected: [Answer]) async throws {
                for (client, answer) in zip(clients, expected) {
                    let outcome = try await client.wait()
                    #expect(
                        outcome.status == 0 && outcome.output == (answer.text ?? "") + "\n",
                        "\(outcome) \(standby.talkSoFar)")
                }
            }

            /// What the one says that has taken over.
            func standbyStatus() async throws -> Status {
                let outcome = try await tandem(
                    "status", "--coordinator", standbyAddress, "--json", cache: standbyFolder)
                return try decode(Status.self, outcome.output)
            }
        }

        private static let questions = [
            ["--prompt", "Once upon a time", "--seed", "11", "--ignore-eos", "--max-tokens", "400"],
            ["--prompt", "The cat", "--temperature", "0", "--ignore-eos", "--max-tokens", "380"],
        ]

        @Test("A coordinator is killed: the standby takes over, and answers go on with the same text")
        func killed() async throws {
            var expected: [Answer] = []
            for question in Self.questions { expected.append(try await reference(question)) }
            let pair = try await Pair(workers: 2)
            let before = try await pair.cluster.status()
            let clients = try await pair.ask(Self.questions)
            pair.cluster.coordinator.signal(SIGKILL)
            _ = try await pair.cluster.coordinator.wait()
            try await pair.check(clients, expected)
            let status = try await pair.standbyStatus()
            #expect(status.term == before.term + 1 && status.isServing && status.isStandby == false)
            #expect(pair.standby.talkSoFar.contains("positions of an earlier coordinator"))
            #expect(pair.cluster.workers.allSatisfy { $0.isRunning })
            // A client that knows only the one that is gone finds the other.
            let later = try await pair.cluster.answer(Self.questions[0])
            #expect(later == expected[0])
            // Started again, the one before serves nobody, and says why.
            let again = try TandemProcess(
                [
                    "coordinator", "--model", Place.tales, "--listen", "tcp://\(pair.cluster.address)",
                    TandemProcess.endsWithStandardInput,
                ], cache: pair.cluster.folder)
            let outcome = try await again.wait()
            #expect(outcome.status == 77 && outcome.talk.contains("serves no longer"), "\(outcome)")
            #expect(outcome.talk.contains("--standby-of"))
        }

        @Test("A coordinator that is told to end hands over: it ends with 0, and answers go on")
        func handedOver() async throws {
            var expected: [Answer] = []
            for question in Self.questions { expected.append(try await reference(question)) }
            let pair = try await Pair(workers: 2)
            let clients = try await pair.ask(Self.questions)
            pair.cluster.coordinator.signal(SIGTERM)
            let outcome = try await pair.cluster.coordinator.wait()
            #expect(outcome.status == 0 && outcome.talk.contains("handed over"), "\(outcome)")
            try await pair.check(clients, expected)
            #expect(try await pair.standbyStatus().term == 1)
        }

        @Test("A standby with another model, or without the right to follow, ends with one sentence")
        func refused() async throws {
            let listen = "tcp://127.0.0.1:\(try ReattachTests.port())"
            let cluster = try await LocalCluster(listen: listen)
            let made = try await tandem("token", "create", "--role", "standby", cache: cluster.folder)
            let line = try #require(made.output.split(whereSeparator: \.isWhitespace).last.map(String.init))
            func follow(_ line: String, _ arguments: [String]) async throws -> TandemProcess.Outcome {
                try await TandemProcess(
                    [
                        "coordinator", "--listen", "tcp://127.0.0.1:\(try ReattachTests.port())", "--standby-of", line,
                        "--model", Place.tales,
                    ] + arguments, cache: TemporaryFolder()
                ).wait()
            }
            let other = try await follow(line, ["--kv-type", "f32"])
            #expect(other.status == 77 && other.talk.contains("another model"), "\(other)")
            let worker = try await follow(cluster.line, [])
            #expect(worker.status == 77 && worker.talk.contains("the token is for a worker"), "\(worker)")
            let open = try await follow(line, ["--insecure"])
            #expect(open.status == 2 && open.talk.contains("--standby-of needs keys"), "\(open)")
        }
    }
}
