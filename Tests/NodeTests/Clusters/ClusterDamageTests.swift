// Responsible for: a damaged model on a cluster: requests fail with a sentence, and workers stay where they are.
// Must not know: how it is found out.
import Generation
import Sequences
import Testing

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Damaged models on clusters")
    struct DamageOfClusterTests {
        @Test("Requests of every kind fail, one after the other and at once, and the cluster goes on serving")
        func failures() async throws {
            let model = try DamagedModel()
            let shape = ClusterShape(model: model.path, split: "0-1,2-5", workers: 2, chunk: 7)
            try await TestCluster.with(try shape.options, workers: 2) { cluster in
                let epoch = try await cluster.serving().epoch
                var scored = GenerationRequest(prompt: .tokens(Array(5..<40)))
                scored.scoringStart = 3
                let requests = [
                    Requests.greedy(.text("Once upon a time"), tokens: 8),
                    Requests.sampled(.text("The little dog"), seed: 3), scored,
                ]
                for request in requests {
                    #expect(await Self.isDamage { try await cluster.client.generate(request).answer() })
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for request in requests + requests {
                        group.addTask {
                            #expect(await Self.isDamage { try await cluster.client.generate(request).answer() })
                        }
                    }
                    try await group.waitForAll()
                }
                let status = try await cluster.idle()
                #expect(status.isServing && status.epoch == epoch && status.workers.count == 2)
            }
        }

        /// Whether the failure is that of values that are no numbers, as a client is told it.
        private static func isDamage<Value: Sendable>(
            _ body: @escaping @Sendable () async throws -> Value
        ) async -> Bool {
            do {
                _ = try await within(TestCluster.patience, body)
                return false
            } catch {
                let expected = TandemError.notNumbers()
                guard let error = error as? TandemError else { return false }
                return error.isReply
                    && (error.kind, error.message, error.hint)
                        == (expected.kind, expected.message, expected.hint)
            }
        }

        @Test("So does a perplexity")
        func perplexity() async throws {
            let model = try DamagedModel()
            let loaded = try LoadedModel(path: model.path, contextLength: 64)
            let text = try PerplexityText(
                path: PerplexityTests.story, for: loaded, windowLength: 64, maximumWindows: 4)
            let shape = ClusterShape(model: model.path, workers: 1, chunk: 23)
            try await TestCluster.with(try shape.options, workers: 1) { cluster in
                _ = try await cluster.serving()
                let isDamage = await Self.isDamage {
                    _ = try await text.measure(concurrency: 3, by: cluster.client) { _, _ in }
                }
                #expect(isDamage)
            }
        }
    }
}
