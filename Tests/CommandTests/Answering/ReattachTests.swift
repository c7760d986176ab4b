// Responsible for: coordinators that are killed and started again while answers stream: real processes. Must not know: how
// an answer goes on.
import Foundation
import Testing

extension CommandTests {
    @Suite("A coordinator that comes back", .serialized)
    struct ReattachTests {
        /// A coordinator on the ports of the one before.
        private static func restart(_ cluster: LocalCluster, workers: Int = 2) async throws -> TandemProcess {
            let process = try TandemProcess(
                [
                    "coordinator", "--model", Place.tales, "--listen", "tcp://\(cluster.address)", "--min-workers",
                    "\(workers)", TandemProcess.endsWithStandardInput,
                ], cache: cluster.folder)
            let isUp = await eventually { process.outputSoFar.contains("\n") || !process.isRunning }
            try #require(isUp && process.isRunning, "\(process.talkSoFar)")
            return process
        }

        /// Three ports that follow each other and are free now.
        static func port() throws -> Int {
            for port in stride(from: 21_000 + Int(getpid()) % 4_000, to: 30_000, by: 3) {
                let isFree = (port..<port + 3).allSatisfy { port in
                    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                    defer { close(descriptor) }
                    var address = sockaddr_in()
                    address.sin_family = sa_family_t(AF_INET)
                    address.sin_port = in_port_t(UInt16(port).bigEndian)
                    address.sin_addr.s_addr = inet_addr("127.0.0.1")
                    return withUnsafePointer(to: &address) {
                        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                        }
                    }
                }
                if isFree { return port }
            }
            throw NoPort()
        }

        private struct NoPort: Error {}

        @Test(
            "Answers go on where they were, greedy, sampled and with likelihoods: nothing is missing, nothing doubled")
        func killed() async throws {
            let cluster = try await LocalCluster(listen: "tcp://127.0.0.1:\(try Self.port())", "--min-workers", "2")
            try await cluster.join(count: 2)
            let questions = [
                ["--prompt", "Once upon a time", "--seed", "11", "--ignore-eos", "--max-tokens", "300"],
                ["--prompt", "The cat", "--temperature", "0", "--ignore-eos", "--max-tokens", "250"],
                ["--prompt", "A dog", "--seed", "3", "--ignore-eos", "--max-tokens", "200", "--logprobs", "2"],
            ].map { $0 + ["--json"] }
            var expected: [Answer] = []
            for question in questions { expected.append(try await reference(question.dropLast())) }
            let shown = try TandemProcess(
                ["generate", "--coordinator", cluster.address] + questions[0].dropLast(), cache: cluster.folder)
            let clients = try questions.map {
                try TandemProcess(["generate", "--coordinator", cluster.address] + $0, cache: cluster.folder)
            }
            // All have begun.
            let begun = try await cluster.status { $0.requests.count == clients.count + 1 }
            let transferred = begun.workers.reduce(0) { $0 + $1.transferredBytes }
            var coordinator = cluster.coordinator
            for length in [40, 400] {
                let isUnderWay = await eventually { shown.outputSoFar.utf8.count > length || !shown.isRunning }
                try #require(isUnderWay && shown.isRunning, "\(shown.talkSoFar)")
                coordinator.signal(SIGKILL)
                _ = try await coordinator.wait()
                coordinator = try await Self.restart(cluster)
                // Workers have what they had, and answers go on from it.
                let status = try await cluster.status { status in
                    status.isServing && status.pipeline.promptTokenCount > 0
                        && status.workers.allSatisfy { $0.transferredBytes > 0 }
                }
                #expect(status.workers.reduce(0) { $0 + $1.transferredBytes } == transferred)
                let (reused, computed) = (status.pipeline.reusedTokens, status.pipeline.promptTokenCount)
                // Of each at most a KV block, before its client is back and once more when it is.
                #expect(
                    computed <= 2 * 4 * 32 && reused > computed,
                    "\(computed) tokens were computed again, \(reused) found")
                #expect(coordinator.talkSoFar.contains("positions of an earlier coordinator"))
            }
            for (client, answer) in zip(clients, expected) {
                let outcome = try await client.wait()
                try #require(outcome.status == 0, "\(outcome.talk)")
                #expect(try decode(Answer.self, outcome.output) == answer)
            }
            let outcome = try await shown.wait()
            #expect(outcome.status == 0 && outcome.output == (expected[0].text ?? "") + "\n", "\(outcome)")
            #expect(outcome.talk.contains("the answer goes on if it can within 30 s"))
            #expect(cluster.workers.allSatisfy { $0.isRunning })
        }

        @Test("What was accepted goes on after a restart without its client, who takes it up when it is back")
        func resumed() async throws {
            let cluster = try await LocalCluster(listen: "tcp://127.0.0.1:\(try Self.port())", "--min-workers", "1")
            try await cluster.join(count: 1)
            let question = ["--prompt", "Once upon a time", "--seed", "11", "--ignore-eos", "--max-tokens", "400"]
            let expected = try await reference(question)
            let client = try TandemProcess(
                ["generate", "--coordinator", cluster.address] + question, cache: cluster.folder)
            let isUnderWay = await eventually { client.outputSoFar.utf8.count > 40 || !client.isRunning }
            try #require(isUnderWay && client.isRunning, "\(client.talkSoFar)")
            client.signal(SIGSTOP)
            cluster.coordinator.signal(SIGKILL)
            _ = try await cluster.coordinator.wait()
            let coordinator = try await Self.restart(cluster, workers: 1)
            _ = try await cluster.status { $0.pipeline.finishedRequests == 1 }
            #expect(coordinator.talkSoFar.contains("1 requests that were accepted before go on"))
            client.signal(SIGCONT)
            let outcome = try await client.wait()
            #expect(outcome.status == 0 && outcome.output == (expected.text ?? "") + "\n", "\(outcome)")
            // All of it was known.
            #expect(try await cluster.status().pipeline.finishedRequests == 1)
        }

        @Test("Who does not want to wait is told at once that the coordinator is gone; who does, after that time")
        func gone() async throws {
            let cluster = try await LocalCluster("--min-workers", "1")
            try await cluster.join(count: 1)
            let clients = try ["0", "1"].map {
                try cluster.generate(
                    "--prompt", "Once", "--ignore-eos", "--max-tokens", "500", "--reconnect-seconds", $0)
            }
            let areUnderWay = await eventually { clients.allSatisfy { $0.outputSoFar.utf8.count > 10 } }
            try #require(areUnderWay)
            cluster.coordinator.signal(SIGKILL)
            for client in clients {
                let outcome = try await client.wait()
                #expect(outcome.status == 69 && outcome.talk.contains("error: "), "\(outcome)")
            }
        }
    }
}
