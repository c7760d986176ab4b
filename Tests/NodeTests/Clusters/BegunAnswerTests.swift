// Responsible for: answers of which somebody has the beginning: what follows is what would have followed. Must not know:
// who lost the rest, and why.
import Generation
import Sequences
import Testing

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Answers that have begun")
    struct BegunAnswerTests {
        /// Requests without a score, one of them ended by a stop string amid a token's text.
        private static func requests() async throws -> [(GenerationRequest, Answer)] {
            let answers = try await References.shared.answers(of: TestFiles.tales)
            var cases = Array(zip(try Requests.mixed(for: TestFiles.tales), answers).dropLast())
            let text = try #require(cases[0].1.text)
            cases[0].0.stops = [String(text.dropFirst(text.count / 2).prefix(3))]
            let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: nil, threads: 1)
            cases[0].1 = try await generator.generate(cases[0].0).answer()
            try #require(cases[0].1.reason == .stop)
            return cases
        }

        /// What comes after the first `count` tokens of an answer, added to what came with them.
        private static func whole(
            _ request: GenerationRequest, _ answer: Answer, after count: Int, by generator: any Generator
        ) async throws -> Answer {
            var begun = request
            begun.maximumTokens = count
            var sum = try await generator.generate(begun).textOfWholeTokens()
            begun = request
            begun.answered = answer.tokens.prefix(count).map(\.token)
            for try await event in generator.generate(begun).events { sum.add(event) }
            return sum
        }

        @Test(
            "One process goes on after any of an answer's tokens, with its text and likelihoods", arguments: [nil, 12])
        func local(replayLength: Int?) async throws {
            var loaded = try LoadedModel(path: TestFiles.tales, contextLength: nil)
            loaded.lengthRule.replayLength = replayLength
            let generator = try LocalGenerator(loaded, threads: 2, chunk: 7)
            for (request, answer) in try await Self.requests() {
                for count in [1, 2, answer.tokens.count / 2, answer.tokens.count - 1, answer.tokens.count] {
                    #expect(try await Self.whole(request, answer, after: count, by: generator) == answer, "\(count)")
                }
            }
        }

        @Test("A cluster goes on after any of an answer's tokens, and ends where nothing is missing but the end")
        func cluster() async throws {
            try await TestCluster.with(try RequestTests.options, workers: 2) { cluster in
                _ = try await cluster.serving()
                for (request, answer) in try await Self.requests() {
                    for count in [1, answer.tokens.count / 2, answer.tokens.count] {
                        for generator in [cluster.client, cluster.generations] as [any Generator] {
                            #expect(
                                try await Self.whole(request, answer, after: count, by: generator) == answer,
                                "\(count)")
                        }
                    }
                }
                _ = try await cluster.idle()
            }
        }

        @Test("Tokens that the model has not, and tokens of a prompt that is scored, are no beginning")
        func refused() async throws {
            let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: nil, threads: 1)
            var request = GenerationRequest(prompt: .text("Once"))
            for token in [Int32.max, -1] {
                request.answered = [token]
                await #expect(throws: TandemError.self) { try await generator.generate(request).answer() }
            }
            request = GenerationRequest(prompt: .tokens([1, 2, 3]))
            (request.scoringStart, request.answered) = (1, [4])
            await #expect(throws: TandemError.self) { try await generator.generate(request).answer() }
            // More than the answer may have, or than there is room for.
            request = Requests.greedy(.text("Once"), tokens: 3)
            request.ignoresEndOfText = true
            request.answered = Array(repeating: 5, count: 700)
            #expect(try await generator.generate(request).answer().reason == .length)
        }
    }
}

extension Generation {
    /// The answer without what came after its last token.
    fileprivate func textOfWholeTokens() async throws -> Answer {
        var progress = AnswerProgress(GenerationRequest(prompt: .text("")))
        var answer = Answer()
        for try await event in events {
            if case .finished = event { continue }
            for event in try progress.take(event) { answer.add(event) }
        }
        return answer
    }
}
