// Responsible for: whole clusters inside this process give the answers of one process, for any split and any chunk.
// Must not know: how they do it.
import Foundation
import Generation
import ModelFile
import Sequences
import Testing

@testable import GenerationTests
@testable import Node

/// Tests with a coordinator and workers; one after the other, because they share two cores and look at speed's effects.
/// The limit is that of each test and ends what hangs. Of several limits the shortest holds, so that no suite in here
/// can have a longer one.
@Suite("Clusters in one process", .serialized, .timeLimit(.minutes(30)))
enum ClusterTests {}

/// A cluster to try.
struct ClusterShape: Sendable, CustomTestStringConvertible {
    var model = TestFiles.tales
    /// As after --split; nil: planned.
    var split: String?
    var workers: Int
    var chunk: Int

    var testDescription: String {
        let name = model.split(separator: "/").last ?? ""
        return "\(name), \(workers) workers, \(split ?? "planned"), chunks of \(chunk)"
    }

    var options: CoordinatorOptions {
        get throws {
            var options = CoordinatorOptions(modelPath: model)
            options.split = try split.map { try LayerSplit.parse($0) }
            options.minimumWorkers = workers
            options.chunk = chunk
            return options
        }
    }

    static let tales: [ClusterShape] = [
        ClusterShape(workers: 1, chunk: 128), ClusterShape(split: "0-2,3-5", workers: 2, chunk: 7),
        ClusterShape(split: "0,1-5", workers: 2, chunk: 1), ClusterShape(workers: 3, chunk: 128),
        ClusterShape(split: "0-3,4,5", workers: 3, chunk: 7), ClusterShape(workers: 5, chunk: 7),
        ClusterShape(split: "0,1,2,3,4-5", workers: 5, chunk: 128),
    ]

    static let others: [ClusterShape] = [
        ClusterShape(model: TestFiles.fixture("llama-f32"), split: "0,1", workers: 2, chunk: 7),
        ClusterShape(model: TestFiles.fixture("gpt2-f32"), split: "0,1,2", workers: 3, chunk: 1),
        ClusterShape(model: TestFiles.fixture("gguf/llama-q8_0.gguf"), split: "0,1", workers: 2, chunk: 128),
        ClusterShape(model: TestFiles.fixture("llama-bf16-tied"), split: "0,1", workers: 2, chunk: 7),
        ClusterShape(model: TestFiles.fixture("../experts/qwen3moe-bf16"), split: "0,1,2", workers: 3, chunk: 7),
        ClusterShape(model: TestFiles.fixture("../experts/mixtral-bf16"), split: "0,1", workers: 2, chunk: 128),
        ClusterShape(model: TestFiles.fixture("../experts/gpt-oss-bf16"), split: "0,1", workers: 2, chunk: 1),
        ClusterShape(model: TestFiles.fixture("../experts/gpt-oss-mxfp4"), split: "0,1", workers: 2, chunk: 7),
    ]
}

/// What one process answers, computed once for each model.
actor References {
    static let shared = References()
    private var answers: [String: [Answer]] = [:]

    func answers(of model: String) async throws -> [Answer] {
        if let known = answers[model] { return known }
        let generator = try LocalGenerator(modelPath: model, contextLength: nil, threads: 1)
        var result: [Answer] = []
        for request in try Requests.mixed(for: model) { result.append(try await generator.generate(request).answer()) }
        answers[model] = result
        return result
    }
}

enum Requests {
    static func greedy(_ prompt: GenerationRequest.Prompt, tokens: Int) -> GenerationRequest {
        var request = GenerationRequest(prompt: prompt)
        request.sampling.temperature = 0
        request.sampling.logProbabilityCount = 3
        request.maximumTokens = tokens
        return request
    }

    static func sampled(_ prompt: GenerationRequest.Prompt, seed: UInt64) -> GenerationRequest {
        var request = greedy(prompt, tokens: 20)
        request.sampling.temperature = 0.9
        request.sampling.repeatPenalty = 1.2
        request.sampling.presencePenalty = 0.3
        request.sampling.frequencyPenalty = 0.2
        request.sampling.logitBias = [LogitBias(token: 5, bias: 1.5), LogitBias(token: 11, bias: -.infinity)]
        request.sampling.seed = seed
        request.ignoresEndOfText = true
        return request
    }

    /// Token ids of a model end before this.
    static func vocabulary(of model: String) throws -> Int {
        try Model.open(path: model).configuration.vocabularySize
    }

    /// Six requests that differ in everything: a text, a conversation, a prompt over several KV blocks, greedy and
    /// sampled with every penalty, a prompt to be scored.
    static func mixed(for model: String) throws -> [GenerationRequest] {
        let vocabulary = try vocabulary(of: model)
        func ids(_ count: Int, _ seed: UInt64) -> [Int32] {
            var generator = SeededGenerator(seed: seed)
            return (0..<count).map { _ in Int32(generator.below(vocabulary)) }
        }
        var scored = GenerationRequest(prompt: .tokens(ids(80, 3)))
        scored.scoringStart = 20
        return [
            greedy(.text("Once upon a time, there was a"), tokens: 24),
            sampled(.text("The little dog was"), seed: 7),
            greedy(.tokens(ids(90, 1)), tokens: 30),
            sampled(.tokens(ids(33, 2)), seed: 8),
            sampled(.messages([ChatMessage(role: .user, content: "Tell me of a cat.")]), seed: 9), scored,
        ]
    }
}

extension ClusterTests {
    @Suite("Answers are those of one process")
    struct Equality {
        @Test("Chunks of a prompt do not change an answer of one process", arguments: [1, 7])
        func localChunks(chunk: Int) async throws {
            let expected = try await References.shared.answers(of: TestFiles.tales)
            let generator = try LocalGenerator(
                modelPath: TestFiles.tales, contextLength: nil, threads: 2, chunk: chunk)
            for (request, answer) in zip(try Requests.mixed(for: TestFiles.tales), expected) {
                #expect(try await generator.generate(request).answer() == answer)
            }
            #expect(expected.dropLast().allSatisfy { !$0.tokens.isEmpty && $0.scores.isEmpty })
            #expect(expected.allSatisfy { $0.tokens.allSatisfy { $0.logProbability != nil } })
            #expect(expected.last?.scores.count == 60 && expected.last?.tokens.isEmpty == true)
            #expect(expected.last?.scores.allSatisfy { $0 < 0 && $0.isFinite } == true)
            #expect(Set(expected.map { $0.tokens.map(\.token) }).count == expected.count)
        }

        @Test("Sequences that are computed anew when they grow past a length answer as those that are not")
        func replays() async throws {
            var loaded = try LoadedModel(path: TestFiles.tales, contextLength: nil)
            loaded.lengthRule.replayLength = 20
            let generator = try LocalGenerator(loaded, threads: 1, chunk: 7)
            let expected = try await References.shared.answers(of: TestFiles.tales)
            for (request, answer) in zip(try Requests.mixed(for: TestFiles.tales), expected) {
                #expect(try await generator.generate(request).answer() == answer)
            }
        }

        @Test("Alone and beside five others", arguments: ClusterShape.tales + ClusterShape.others)
        func equal(_ shape: ClusterShape) async throws {
            let expected = try await References.shared.answers(of: shape.model)
            let requests = try Requests.mixed(for: shape.model)
            try await TestCluster.with(try shape.options, workers: shape.workers) { cluster in
                let state = try await cluster.serving()
                #expect(state.workers.compactMap(\.layers).count == shape.workers)
                for index in [0, 3] {
                    let answer = try await cluster.client.generate(requests[index]).answer()
                    #expect(answer == expected[index], "request \(index) alone")
                }
                let together = try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
                    for (index, request) in requests.enumerated() {
                        group.addTask { (index, try await cluster.client.generate(request).answer()) }
                    }
                    return try await group.reduce(into: [Int: Answer]()) { $0[$1.0] = $1.1 }
                }
                for index in requests.indices {
                    #expect(together[index] == expected[index], "request \(index) beside the others")
                }
                _ = try await cluster.idle()
            }
        }

        @Test("A split puts each layer where it says")
        func split() async throws {
            let shape = ClusterShape(split: "0-3,4,5", workers: 3, chunk: 128)
            try await TestCluster.with(try shape.options, workers: 3) { cluster in
                let status = try await cluster.serving()
                #expect(status.layerCount == 6)
                let layers = status.workers.map(\.layers)
                #expect(layers == [0..<4, 4..<5, 5..<6].map { ClusterStatus.Layers($0) })
            }
        }
    }
}

extension Requests {
    /// A greedy request and a sampled one, both of so many tokens if nothing ends them before.
    static func pair(_ prompt: String, tokens: Int, seed: UInt64) -> [GenerationRequest] {
        var greedy = greedy(.text(prompt), tokens: tokens)
        greedy.ignoresEndOfText = true
        var sampled = sampled(.text(prompt), seed: seed)
        sampled.maximumTokens = tokens
        return [greedy, sampled]
    }

    /// What one process without a cluster answers to each of these.
    static func answersOfOneProcess(to requests: [GenerationRequest]) async throws -> [Answer] {
        let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: nil, threads: 1)
        var answers: [Answer] = []
        for request in requests { answers.append(try await generator.generate(request).answer()) }
        return answers
    }
}
