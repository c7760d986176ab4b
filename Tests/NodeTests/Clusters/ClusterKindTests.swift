// Responsible for: clusters that keep keys and values in other types, and clusters that only pretend to compute.
// Must not know: how they do it.
import Generation
import Inference
import Sequences
import Testing

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Kinds of clusters")
    struct KindTests {
        @Test("A cluster keeps keys and values as it was told, and answers as one process that does")
        func keyValueTypes() async throws {
            var request = GenerationRequest(prompt: .text("Once upon a time there was a"))
            (request.maximumTokens, request.sampling.temperature, request.sampling.logProbabilityCount) = (24, 0, 1)
            var scores: [[Float?]] = []
            for type in KeyValueType.allCases {
                var options = try ClusterShape(split: "0-2,3-5", workers: 2, chunk: 7).options
                options.keyValueType = type.rawValue
                let generator = try LocalGenerator(
                    modelPath: TestFiles.tales, contextLength: nil, threads: 1, keyValueType: type.rawValue)
                let expected = try await generator.generate(request).answer()
                let answer = try await TestCluster.with(options, workers: 2) { [request] cluster in
                    _ = try await cluster.serving()
                    return try await cluster.client.generate(request).answer()
                }
                #expect(answer == expected && answer.tokens.count == 24)
                scores.append(answer.tokens.map(\.logProbability))
            }
            #expect(scores[0] != scores[1] && scores[1] != scores[2], "the types make no difference")
        }

        @Test("Two workers answer as one process does, whatever the family and however its folder stores the weights")
        func families() async throws {
            var request = GenerationRequest(prompt: .tokens([1, 5, 9, 3, 7, 2, 8, 4]))
            (request.maximumTokens, request.ignoresEndOfText) = (24, true)
            (request.sampling.temperature, request.sampling.logProbabilityCount) = (0, 1)
            for path in try TestFiles.everyFolder() {
                let generator = try LocalGenerator(modelPath: path, contextLength: nil, threads: 1)
                let expected = try await generator.generate(request).answer()
                let options = try ClusterShape(model: path, workers: 2, chunk: 5).options
                let answer = try await TestCluster.with(options, workers: 2) { [request] cluster in
                    _ = try await cluster.serving()
                    return try await cluster.client.generate(request).answer()
                }
                #expect(answer == expected && answer.tokens.count == 24, "\(path)")
            }
        }

        @Test("Clusters that only pretend to compute give the same answer over any number of workers")
        func simulated() async throws {
            var request = GenerationRequest(prompt: .tokens([1, 2, 3]))
            (request.maximumTokens, request.ignoresEndOfText, request.sampling.seed) = (40, true, 7)
            var answers: [Answer] = []
            for workers in [1, 3] {
                var options = CoordinatorOptions.simulated
                options.minimumWorkers = workers
                let answer = try await TestCluster.with(options, workers: 0) { [request] cluster in
                    for _ in 0..<workers { try await cluster.join(simulating: 0.5) }
                    let status = try await cluster.serving()
                    #expect(status.workers.count == workers)
                    #expect(status.workers.allSatisfy { $0.layers != nil })
                    return try await cluster.client.generate(request).answer()
                }
                #expect(answer.tokens.count == 40)
                answers.append(answer)
            }
            #expect(answers[0] == answers[1])
        }
    }
}
