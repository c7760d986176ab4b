// Responsible for: perplexity of a cluster: the same to the bit as that of one process.
import Generation
import Testing

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Perplexity of clusters")
    struct PerplexityOfClusterTests {
        @Test("Perplexities of a cluster are those of one process to the bit", arguments: [64, 128])
        func perplexity(context: Int) async throws {
            let loaded = try LoadedModel(path: TestFiles.tales, contextLength: nil)
            let shape = ClusterShape(split: "0-2,3-5", workers: 2, chunk: 23)
            try await TestCluster.with(try shape.options, workers: 2) { cluster in
                _ = try await cluster.serving()
                let text = try PerplexityText(
                    path: PerplexityTests.story, for: loaded, windowLength: context, maximumWindows: nil)
                let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: context, threads: 1)
                var running: [PerplexityEstimate] = []
                _ = try await text.measure(concurrency: 1, by: generator) { running.append($1) }
                #expect(running.count == text.windows.count)
                var together: [PerplexityEstimate] = []
                _ = try await text.measure(
                    concurrency: 3, by: cluster.client, notice: { Issue.record("\($0)") }, each: { together.append($1) }
                )
                #expect(together == running)
                _ = try await cluster.idle()
            }
        }
    }
}
