// Responsible for: a worker lost under several answers costs its own layers, and changes nothing of any answer.
// Must not know: how stages keep what they have.
import Foundation
import Generation
import Sequences
import Testing

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Recovery")
    struct RecoveryTests {
        /// Who takes the layers of the worker that is lost.
        enum Successor: String, CaseIterable, Sendable {
            /// A worker that had nothing to do, with a cache of its own.
            case spare
            /// The two that are left.
            case neighbours
        }

        private static let options = Result {
            var options = try ClusterShape(split: "0-1,2-3,4-5", workers: 3, chunk: 16).options
            options.waitSeconds = 600
            return options
        }

        /// Greedy and sampled, short and long, with log-probabilities.
        private static let requests: [GenerationRequest] = [40, 160, 300, 400].enumerated().flatMap { place, tokens in
            Requests.pair(
                String(repeating: "The little dog saw a cat. ", count: 1 + place), tokens: tokens, seed: UInt64(place))
        }

        @Test("Each worker of three is lost under eight answers", arguments: Successor.allCases, [0, 1, 2])
        func loss(_ successor: Successor, _ lost: Int) async throws {
            let expected = try await Requests.answersOfOneProcess(to: Self.requests)
            try await TestCluster.with(try Self.options.get(), workers: 0) { cluster in
                var workers: [RunningNode] = []
                for count in 1...(successor == .spare ? 4 : 3) {
                    workers.append(try await cluster.join())
                    _ = try await cluster.status("worker \(count)") { $0.workers.count == count }
                }
                let state = try await cluster.serving()
                #expect(state.workers.map { $0.layers?.first } == [0, 2, 4, nil].prefix(workers.count).map { $0 })
                let leaver = workers[lost]
                let (answers, told) = try await Self.answers(of: cluster) { try await leaver.stop() }
                #expect(answers == expected)
                let pipeline = try await cluster.idle().pipeline
                // Its two layers of what there was when it was lost, give or take a few tokens of each answer; where these do
                // not lie beside a stage that may take them, neighbours exchange more.
                let tokens = told + 8 * expected.count
                #expect(pipeline.rebuiltLayerTokens > 0)
                #expect(pipeline.rebuiltLayerTokens <= (successor == .spare ? 2 : 4) * tokens, "of \(told) tokens")
                #expect(pipeline.lastPauseMicroseconds > 0)
                #expect(pipeline.reusedTokens == 0)
            }
        }

        /// Asks everything at once, calls `strike` when half of it has begun well, and waits for the answers. Second: the
        /// tokens, with those of prompts, that there can have been when `strike` was done.
        private static func answers(
            of cluster: TestCluster, _ strike: @escaping @Sendable () async throws -> Void
        ) async throws -> ([Answer], Int) {
            let told = Told(count: requests.count)
            return try await withThrowingTaskGroup(of: (Int, Answer)?.self) { group in
                for (index, request) in requests.enumerated() {
                    group.addTask {
                        var answer = Answer()
                        for try await event in cluster.client.generate(request).events {
                            answer.add(event)
                            await told.note(answer, of: index)
                        }
                        return (index, answer)
                    }
                }
                group.addTask {
                    while await told.least < 12 { try await Task.sleep(for: .milliseconds(2)) }
                    try await strike()
                    await told.close()
                    return nil
                }
                var answers: [Int: Answer] = [:]
                for try await case (let index, let answer)? in group { answers[index] = answer }
                return (requests.indices.compactMap { answers[$0] }, await told.total)
            }
        }

        /// What answers have had so far.
        private actor Told {
            private var counts: [(prompt: Int, tokens: Int)]
            private var closed: Int?

            init(count: Int) { counts = Array(repeating: (0, 0), count: count) }

            func note(_ answer: Answer, of index: Int) {
                counts[index] = (answer.promptTokens.count, answer.tokens.count)
            }

            /// Tokens of the answer that has the fewest.
            var least: Int { counts.map(\.tokens).min() ?? 0 }

            func close() { closed = counts.reduce(0) { $0 + $1.prompt + $1.tokens } }

            var total: Int { closed ?? 0 }
        }
    }
}
