// Responsible for: a damaged model gives an error instead of an answer, scores or log-probabilities, in one process.
// Must not know: how it is found out.
import Sequences
import Testing

@testable import Generation

@Suite("Damaged models")
struct DamageTests {
    private func failure(_ request: GenerationRequest, checks: Bool = false) async throws -> TandemError? {
        let model = try DamagedModel()
        let generator = try LocalGenerator(modelPath: model.path, contextLength: 128, threads: 1, checksLayers: checks)
        var failure: TandemError?
        do {
            for try await event in generator.generate(request).events {
                switch event {
                case .tokens, .scores, .finished: Issue.record("\(event)")
                default: break
                }
            }
        } catch { failure = error as? TandemError }
        return failure
    }

    @Test("Answers, sampled or greedy, with log-probabilities or without, are errors", arguments: [0, 0.8] as [Float])
    func answers(temperature: Float) async throws {
        var request = GenerationRequest(prompt: .text("Once upon a time"))
        request.sampling.temperature = temperature
        request.sampling.logProbabilityCount = temperature == 0 ? nil : 3
        let error = try #require(try await failure(request))
        #expect(error.kind == .internal)
        #expect(error.message.description == "the values computed are not numbers: the model file is probably damaged")
        #expect(error.hint?.fields == [.check])
    }

    @Test("So are scores, and with checks the error says where it begins")
    func scores() async throws {
        var request = GenerationRequest(prompt: .tokens([5, 6, 7, 8, 9]))
        request.scoringStart = 2
        let error = try #require(try await failure(request, checks: true))
        #expect(error.kind == .internal && error.message.description.contains(DamagedModel.origin))
        #expect(error.hint?.fields == [])
    }

    @Test("So is a perplexity")
    func perplexity() async throws {
        let model = try DamagedModel()
        let loaded = try LoadedModel(path: model.path, contextLength: 64)
        let text = try PerplexityText(
            path: PerplexityTests.story, for: loaded, windowLength: 64, maximumWindows: 2)
        let generator = try LocalGenerator(loaded, threads: 1)
        await #expect(throws: TandemError.notNumbers()) {
            try await text.measure(concurrency: 1, by: generator) { _, _ in Issue.record("a window has a perplexity") }
        }
    }
}
