// Responsible for: workers that are drained while answers stream, by command and by a signal: real processes. Must not
// know: how others take over.
import Foundation
import Testing

@testable import CLI

extension CommandTests {
    @Suite("Draining", .serialized)
    struct DrainCommandTests {
        private static let question = [
            "--prompt", "Once upon a time", "--seed", "11", "--ignore-eos", "--max-tokens", "400",
        ]

        private func drain(_ cluster: LocalCluster, _ arguments: String...) async throws -> TandemProcess.Outcome {
            try await TandemProcess(
                [arguments[0], "--coordinator", cluster.address] + arguments.dropFirst(), cache: cluster.folder
            ).wait()
        }

        @Test("A drained worker has no layers, stays, and is counted in again; the answer goes on as it would have")
        func command() async throws {
            let expected = try await reference(Self.question)
            let (cluster, answer) = try await answering()
            let worker = cluster.workers[0]
            let outcome = try await drain(cluster, "drain", "\(try await id(worker, cluster))", "--json")
            #expect(outcome.status == 0 && outcome.output.contains("\"drained\""), "\(outcome)")
            let status = try await cluster.status()
            let found = try #require(status.workers.first { $0.pid == worker.pid })
            #expect(found.layers == nil && found.state == "drained" && status.isServing && worker.isRunning)
            let result = try await answer.wait()
            #expect(try decode(Answer.self, result.output) == expected)
            let back = try await drain(cluster, "undrain", "\(try await id(worker, cluster))")
            #expect(back.status == 0 && back.output.contains("is counted in again"), "\(back)")
            _ = try await cluster.status { $0.workers.allSatisfy { $0.layers != nil } }
        }

        /// Two workers, and a client to which they answer.
        private func answering() async throws -> (LocalCluster, TandemProcess) {
            let cluster = try await LocalCluster("--min-workers", "2")
            try await cluster.join(count: 2)
            let answer = try cluster.generate(
                Self.question[0], Self.question[1], "--seed", "11", "--ignore-eos",
                "--max-tokens", "400", "--json")
            _ = try await cluster.status { $0.requests.contains { $0.state == "decode" } }
            return (cluster, answer)
        }

        private func id(_ worker: TandemProcess, _ cluster: LocalCluster) async throws -> String {
            struct Known: Decodable {
                struct Worker: Decodable { var id: String; var pid: Int32 }
                var workers: [Worker]
            }
            let outcome = try await tandem("status", "--coordinator", cluster.address, "--json", cache: cluster.folder)
            return try #require(decode(Known.self, outcome.output).workers.first { $0.pid == worker.pid }).id
        }

        @Test("SIGTERM: others have its layers, it ends with 0, and the answer is right")
        func signal() async throws {
            let expected = try await reference(Self.question)
            let (cluster, answer) = try await answering()
            cluster.workers[1].signal(SIGTERM)
            let ended = try await cluster.workers[1].wait()
            #expect(ended.status == 0, "\(ended)")
            let result = try await answer.wait()
            #expect(try decode(Answer.self, result.output) == expected)
        }

        @Test("What cannot be is refused, with the reason, and nothing changes")
        func refused() async throws {
            let cluster = try await LocalCluster("--min-workers", "1")
            try await cluster.join(count: 1)
            let only = try await drain(cluster, "drain", "\(try await id(cluster.workers[0], cluster))")
            #expect(only.status == 1 && only.talk.contains("nobody can take over the layers of"), "\(only)")
            let unknown = try await drain(cluster, "drain", "host-z")
            #expect(unknown.status == 66 && unknown.talk.contains("no worker is called host-z"), "\(unknown)")
            #expect(try await cluster.status().isServing)
        }
    }
}
