// Responsible for: workers that join and are told to stop while answers are computed, as processes. Must not know: how others
// get what they have.
import Foundation
import Testing

@testable import CLI

extension CommandTests {
    @Suite("Workers that come and go under load")
    struct ChangeCommandTests {
        private static let questions = [
            ["--prompt", "Once upon a time", "--temperature", "0", "--max-tokens", "400", "--ignore-eos"],
            [
                "--prompt", "The little dog", "--temperature", "0.9", "--seed", "5", "--max-tokens", "300",
                "--ignore-eos",
                "--logprobs", "2",
            ],
            ["--prompt", "One day the sun", "--temperature", "0", "--max-tokens", "60"],
        ]

        /// Asks each question again and again until `body` is done; every answer must be that of one process.
        private func underLoad(_ cluster: LocalCluster, _ body: () async throws -> Void) async throws {
            var expected: [Answer] = []
            for question in Self.questions { expected.append(try await reference(question)) }
            let isOver = InterruptCount()
            let (address, folder) = (cluster.address, cluster.folder)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (question, answer) in zip(Self.questions, expected) {
                    group.addTask {
                        repeat {
                            let outcome = try await TandemProcess(
                                ["generate", "--coordinator", address, "--json"] + question, cache: folder
                            ).wait()
                            try #require(outcome.status == 0, "\(outcome.talk)")
                            let given = try decode(Answer.self, outcome.output)
                            #expect(given == answer)
                        } while isOver.count == 0
                    }
                }
                defer { _ = isOver.increment() }
                try await body()
                _ = isOver.increment()
                try await group.waitForAll()
            }
        }

        @Test("A worker that joins computes, one that gets SIGTERM ends with 0 once others have its layers, unnoticed")
        func joinAndDrain() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 2)
            try await underLoad(cluster) {
                try cluster.join()
                _ = try await cluster.status { status in
                    status.isServing && status.workers.count { $0.layers != nil } == 3
                        && status.workers.allSatisfy { $0.state == "ready" }
                }
                let leaver = cluster.workers[0]
                leaver.signal(SIGTERM)
                let outcome = try await leaver.wait()
                #expect(
                    outcome.status == 0 && outcome.talk.contains("stopping once others have its layers"), "\(outcome)")
                #expect(!outcome.talk.contains("leaving, though others may need it"))
                try await cluster.waitUntilServing(workers: 2)
            }
        }

        @Test(
            "One that nobody can replace says so, and ends at the limit, or at a second signal",
            arguments: [true, false])
        func refused(isTwice: Bool) async throws {
            let folder = try TemporaryFolder()
            let coordinator = try TandemProcess(
                ["coordinator", "--simulate", "--speculate", "off", "--listen", "tcp://127.0.0.1:0", "--insecure"],
                cache: folder)
            _ = await eventually { coordinator.outputSoFar.contains("\n") || !coordinator.isRunning }
            try #require(coordinator.isRunning, "\(coordinator.talkSoFar)")
            let words = coordinator.outputSoFar.split(whereSeparator: \.isWhitespace)
            let address = String(words[3].prefix { $0 != "#" })
            let worker = try TandemProcess(
                [
                    "worker", "--join", address, "--insecure", "--simulate-stage-milliseconds", "20", "--drain-seconds",
                    isTwice ? "600" : "1",
                ], cache: TemporaryFolder())
            let answer = try TandemProcess(
                [
                    "generate", "--coordinator", address, "--prompt-tokens", "1,2", "--max-tokens", "100000",
                    "--ignore-eos", "--insecure",
                ], cache: folder)
            let isRunning = try await eventually {
                let outcome = try await tandem("status", "--insecure", "--coordinator", address, "--json")
                return try decode(Status.self, outcome.output).requests.contains { $0.state == "decode" }
            }
            try #require(isRunning)
            worker.signal(SIGTERM)
            let isTold = await eventually { worker.talkSoFar.contains("cannot go to others") }
            #expect(isTold, "\(worker.talkSoFar)")
            if isTwice { worker.signal(SIGTERM) }
            let outcome = try await worker.wait()
            #expect(outcome.status == 0, "\(outcome)")
            #expect(outcome.talk.contains("leaving, though others may need it") == !isTwice)
            for process in [answer, coordinator] { process.signal(SIGKILL) }
            _ = try await answer.wait()
        }
    }
}
