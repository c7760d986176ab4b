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
                    await #expect(throws: TandemError.notNumbers()) {
                        try await within(TestCluster.patience) { try await cluster.client.generate(request).answer() }
                    }
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for request in requests + requests {
                        group.addTask {
                            await #expect(throws: TandemError.notNumbers()) {
                                try await cluster.client.generate(request).answer()
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let status = try await cluster.idle()
                #expect(status.isServing && status.epoch == epoch && status.workers.count == 2)
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
                await #expect(throws: TandemError.notNumbers()) {
                    try await text.measure(concurrency: 3, by: cluster.client) { _, _ in
                        Issue.record("a window has a perplexity")
                    }
                }
            }
        }
    }
}
