// Responsible for: requests that share steps, prefixes and too few KV blocks, guessed ahead and cut to pieces, answer as
// one process does. Must not know: how they are scheduled.
//
// TANDEM_MIXES=n runs so many random mixes of requests instead of a few.

import Foundation
import Generation
import Sequences
import Testing

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Random mixes of requests")
    struct Mixes {
        private static let contextLength = 128
        private static let count = ProcessInfo.processInfo.environment["TANDEM_MIXES"].flatMap { Int($0) } ?? 48

        /// Requests of one model that begin alike, go on from each other, repeat themselves, are scored, and their
        /// answers by one process.
        private struct Pool: Sendable {
            var requests: [GenerationRequest] = []
            var answers: [Answer] = []

            init(_ model: String, seed: UInt64) async throws {
                let generator = try LocalGenerator(modelPath: model, contextLength: Mixes.contextLength, threads: 1)
                var random = SeededGenerator(seed: seed)
                let vocabulary = try Requests.vocabulary(of: model)
                func ids(_ count: Int) -> [Int32] { (0..<count).map { _ in Int32(random.below(vocabulary)) } }
                let beginnings = [[], ids(33), ids(50)]
                let phrase = ids(6)
                for index in 0..<24 {
                    var prompt = beginnings[random.below(3)] + ids(1 + random.below(16))
                    if index % 4 == 0 { prompt += (0..<4).flatMap { _ in phrase } }
                    var request = Requests.greedy(.tokens(prompt), tokens: 1 + random.below(30))
                    switch index % 4 {
                    case 1: request.sampling = Requests.sampled(.tokens(prompt), seed: UInt64(index)).sampling
                    case 2:
                        request.sampling.temperature = 0.3
                        request.sampling.seed = UInt64(index)
                    case 3 where index % 8 == 3: request.scoringStart = 1 + random.below(prompt.count - 1)
                    default: break
                    }
                    request.ignoresEndOfText = index % 3 != 0
                    requests.append(request)
                    answers.append(try await generator.generate(request).answer())
                    // The next turn of the conversation.
                    guard index % 5 == 0, request.scoringStart == nil, let last = answers.last else { continue }
                    request.prompt = .tokens(prompt + last.tokens.map(\.token) + ids(3))
                    requests.append(request)
                    answers.append(try await generator.generate(request).answer())
                }
            }
        }

        /// Clusters whose KV blocks are too few for what they are asked, so that requests give way to each other.
        private static let shapes: [ClusterShape] = [
            ClusterShape(workers: 1, chunk: 32), ClusterShape(split: "0-2,3-5", workers: 2, chunk: 16),
            ClusterShape(workers: 3, chunk: 64), ClusterShape(split: "0,1-3,4,5", workers: 4, chunk: 5),
            ClusterShape(model: TestFiles.fixture("llama-f32"), split: "0,1", workers: 2, chunk: 16),
            ClusterShape(
                model: TestFiles.fixture("../experts/qwen3moe-bf16"), split: "0,1,2", workers: 3, chunk: 64),
            // States that go from token to token, beside keys and values.
            ClusterShape(model: TestFiles.fixture("../families/qwen3_5"), split: "0,1-3", workers: 2, chunk: 16),
            ClusterShape(
                model: TestFiles.fixture("../families/qwen3_5/model.gguf"), split: "0-1,2,3", workers: 3, chunk: 64),
        ]

        @Test("An answer that comes alone and is guessed ahead over several stages is that of one process")
        func alone() async throws {
            let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: nil, threads: 1)
            let options = try ClusterShape(workers: 3, chunk: 64).options
            try await TestCluster.with(options, workers: 3) { cluster in
                let epoch = try await cluster.serving().epoch
                for seed: UInt64 in 0..<6 {
                    var request = Requests.greedy(.text("Once upon a time there was a cat. The cat was"), tokens: 400)
                    request.sampling.temperature = Float(seed) * 0.1
                    request.sampling.seed = seed
                    request.ignoresEndOfText = true
                    let expected = try await generator.generate(request).answer()
                    #expect(try await cluster.client.generate(request).answer() == expected)
                }
                let status = try await cluster.idle()
                #expect(status.epoch == epoch, "steps were lost")
                #expect(status.pipeline.acceptedTokens > 0)
                #expect(status.pipeline.skippedSteps > 0)
            }
        }

        @Test("Answers are those of one process, whatever else is asked at the same time")
        func mixes() async throws {
            var random = SeededGenerator(seed: 20_261_127)
            var guessed = 0
            var reused = 0
            var preempted = 0
            for (index, shape) in Self.shapes.enumerated() {
                let pool = try await Pool(shape.model, seed: UInt64(index + 1))
                var options = try shape.options
                options.contextLength = Self.contextLength
                options.parallelRequests = 1 + index % 2
                let mixes = (0..<(Self.count + index) / Self.shapes.count).map { _ in
                    (0..<(3 + random.below(6))).map { _ in
                        (request: random.below(pool.requests.count), delay: random.below(20), priority: random.below(3))
                    }
                }
                let status = try await TestCluster.with(options, workers: shape.workers) { cluster in
                    let epoch = try await cluster.serving().epoch
                    for mix in mixes { try await Self.ask(mix, of: pool, cluster, shape) }
                    let status = try await cluster.idle()
                    #expect(status.epoch == epoch, "steps were lost")
                    return status
                }
                guessed += status.pipeline.acceptedTokens
                reused += status.pipeline.reusedTokens
                preempted += status.pipeline.preemptions
            }
            #expect(guessed > 0)
            #expect(reused > 0)
            #expect(preempted > 0)
        }

        private static func ask(
            _ mix: [(request: Int, delay: Int, priority: Int)], of pool: Pool, _ cluster: TestCluster,
            _ shape: ClusterShape
        ) async throws {
            try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
                for (index, delay, priority) in mix {
                    group.addTask {
                        try await Task.sleep(for: .milliseconds(delay))
                        var request = pool.requests[index]
                        request.priority = priority
                        return (index, try await cluster.client.generate(request).answer())
                    }
                }
                for try await (index, answer) in group {
                    #expect(answer == pool.answers[index], "request \(index) on \(shape.testDescription)")
                }
            }
        }
    }
}
