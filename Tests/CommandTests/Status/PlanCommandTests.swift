// Responsible for: `tandem plan` of real processes: what people and scripts read, and who may have a plan carried out. Must not
// know: how plans are chosen.
import Foundation
import Testing

extension CommandTests {
    @Suite("Plan")
    struct PlanCommandTests {
        /// What scripts read of it, as far as tests look at it.
        private struct Preview: Decodable {
            struct Stage: Decodable {
                var worker: String?
                var name: String
                var layers: Status.Layers
                var weightBytes: Int
            }
            struct Figures: Decodable {
                var oneAnswerTokensPerSecond: Double
                var manyAnswersTokensPerSecond: Double
                var promptTokensPerSecond: Double
            }
            var stages: [Stage]
            var idle: [String]
            var figures: Figures
            var serving: Figures?
            var isServing: Bool
            var isApplied: Bool
        }

        private func plan(_ cluster: LocalCluster, _ arguments: String...) async throws -> TandemProcess.Outcome {
            try await TandemProcess(["plan", "--coordinator", cluster.address] + arguments, cache: cluster.folder)
                .wait()
        }

        private func preview(_ cluster: LocalCluster, _ arguments: [String]) async throws -> Preview {
            let outcome = try await TandemProcess(
                ["plan", "--coordinator", cluster.address, "--json"] + arguments, cache: cluster.folder
            ).wait()
            try #require(outcome.status == 0, "\(outcome)")
            return try decode(Preview.self, outcome.output)
        }

        @Test(
            "It shows the plan that serves, one without a worker and one with others that are imagined; text says the same"
        )
        func shown() async throws {
            let cluster = try await LocalCluster("--min-workers", "2")
            try await cluster.join(count: 2)
            let serving = try await preview(cluster, [])
            #expect(serving.isServing && serving.idle.isEmpty && serving.stages.count == 2)
            #expect(serving.stages.first?.layers.first == 0 && serving.stages.last?.layers.last == 5)
            let figures = serving.figures
            #expect(figures.oneAnswerTokensPerSecond > 0 && figures.promptTokensPerSecond > 0)
            #expect(figures.manyAnswersTokensPerSecond > figures.oneAnswerTokensPerSecond)
            let other = try await preview(cluster, ["--without", serving.stages[0].name])
            #expect(other.stages.map(\.name) == [serving.stages[1].name] && !other.isServing && other.serving != nil)
            let more = try await preview(cluster, ["--workers", "3"])
            #expect(more.stages.map(\.name).last == "imagined" && more.stages.last?.worker == nil)
            let text = try await plan(cluster, "--without", serving.stages[0].name).output
            #expect(text.contains("0-5") && text.contains("one answer") && text.contains("of weights in"), "\(text)")
            let nobody = try await plan(cluster, "--without", "host-x")
            #expect(nobody.status == 2 && nobody.talk.contains("--without is host-x"), "\(nobody)")
        }

        @Test("The coordinator's user may have a plan carried out, and a client may not; answers go on under it")
        func applied() async throws {
            let cluster = try await LocalCluster("--min-workers", "2")
            try await cluster.join(count: 2)
            let arguments = ["--prompt", "The cat", "--temperature", "0", "--max-tokens", "20"]
            let before = try await cluster.answer(arguments)
            let name = try await preview(cluster, []).stages[0].name

            let made = try await tandem("token", "create", "--role", "client", cache: cluster.folder)
            let line = try #require(made.output.split(separator: " ").dropFirst(3).first.map(String.init))
            let folder = try TemporaryFolder()
            let friend = try await tandem("plan", "--coordinator", line, "--without", name, cache: folder)
            #expect(friend.status == 0 && friend.output.contains("0-5"), "\(friend)")
            let refused = try await tandem(
                "plan", "--coordinator", line, "--without", name, "--apply", cache: folder)
            #expect(
                refused.status == 77 && refused.talk.contains("only the user who runs the coordinator"), "\(refused)")

            #expect(try await preview(cluster, ["--without", name, "--apply"]).isApplied)
            _ = try await cluster.status { $0.isServing && $0.workers.count { $0.layers != nil } == 1 }
            #expect(try await cluster.answer(arguments).tokens == before.tokens)
            #expect(try await preview(cluster, ["--without", name]).isServing)
            // And back to what is best.
            #expect(try await preview(cluster, ["--apply"]).stages.count == 2)
            _ = try await cluster.status { $0.isServing && $0.workers.allSatisfy { $0.layers != nil } }
            #expect(try await cluster.answer(arguments).tokens == before.tokens)
        }
    }
}
