// Responsible for: which requests have a meaning.
// Must not know: stages, sockets.
import Sequences
import Testing

@testable import Generation

@Suite("Generation request")
struct GenerationRequestTests {
    /// A request in which nothing has its default.
    static var unusual: GenerationRequest {
        var request = GenerationRequest(prompt: .text("Once"))
        request.sampling.temperature = 1.25
        request.sampling.topK = 7
        request.sampling.topP = 0.5
        request.sampling.minP = 0.125
        request.sampling.repeatPenalty = 1.5
        request.sampling.presencePenalty = -0.25
        request.sampling.frequencyPenalty = 0.75
        request.sampling.logitBias = [
            LogitBias(token: 1, bias: 2), LogitBias(token: 3, bias: -1.5), LogitBias(token: 9, bias: -.infinity),
            LogitBias(token: 250, bias: .infinity),
        ]
        request.sampling.seed = .max
        request.sampling.logProbabilityCount = 5
        request.maximumTokens = 17
        request.stops = ["\n\n", "é"]
        request.ignoresEndOfText = true
        request.isRaw = true
        request.priority = -42
        return request
    }

    /// A change of a valid request, and a word of the error that must follow.
    struct Fault: Sendable, CustomTestStringConvertible {
        let word: String
        let change: @Sendable (inout GenerationRequest) -> Void
        var testDescription: String { word }

        init(_ word: String, _ change: @escaping @Sendable (inout GenerationRequest) -> Void) {
            (self.word, self.change) = (word, change)
        }
    }

    static let faults: [Fault] = [
        Fault("temperature") { $0.sampling.temperature = -0.1 },
        Fault("temperature") { $0.sampling.temperature = .nan },
        Fault("temperature") { $0.sampling.temperature = .infinity },
        Fault("top_k") { $0.sampling.topK = -1 },
        Fault("top_p") { $0.sampling.topP = 0 },
        Fault("top_p") { $0.sampling.topP = 1.01 },
        Fault("top_p") { $0.sampling.topP = .nan },
        Fault("min_p") { $0.sampling.minP = -0.01 },
        Fault("min_p") { $0.sampling.minP = 1.01 },
        Fault("repeat_penalty") { $0.sampling.repeatPenalty = 0 },
        Fault("repeat_penalty") { $0.sampling.repeatPenalty = .infinity },
        Fault("presence_penalty") { $0.sampling.presencePenalty = .nan },
        Fault("frequency_penalty") { $0.sampling.frequencyPenalty = .infinity },
        Fault("logprobs") { $0.sampling.logProbabilityCount = -1 },
        Fault("logprobs") { $0.sampling.logProbabilityCount = 101 },
        Fault("max_tokens") { $0.maximumTokens = 0 },
        Fault("max_tokens") { $0.maximumTokens = .min },
        Fault("stop") { $0.stops = [""] },
        Fault("stop") { $0.stops = [String(repeating: "x", count: 4097)] },
        Fault("scores from token 3") { $0.scoringStart = 3 },
        Fault("scores from token 0") { ($0.prompt, $0.scoringStart) = (.tokens([1, 2]), 0) },
        Fault("scores from token 2") { ($0.prompt, $0.scoringStart) = (.tokens([1, 2]), 2) },
        Fault("65 stop") { $0.stops = Array(repeating: "x", count: 65) },
    ]

    @Test("A value without a meaning is refused, and its field named", arguments: faults)
    func fault(_ fault: Fault) {
        var request = Self.unusual
        fault.change(&request)
        let error = #expect(throws: TandemError.self) { try request.validate() }
        #expect(error?.message.description.contains(fault.word) == true)
    }

    @Test("Ordinary, unusual and extreme requests are allowed")
    func allowed() throws {
        try GenerationRequest(prompt: .text("")).validate()
        var request = Self.unusual
        try request.validate()
        request.sampling.temperature = 0
        request.sampling.topK = 0
        request.sampling.topP = 1
        request.sampling.minP = 1
        request.sampling.logProbabilityCount = 100
        request.stops = Array(repeating: String(repeating: "x", count: 4096), count: 64)
        try request.validate()
    }

    @Test(
        "A request beyond what a message can say is refused before it is sent",
        arguments: [
            Fault("top_k") { $0.sampling.topK = Int(UInt32.max) + 1 },
            Fault("top_k") { $0.sampling.topK = Int(Int32.max) + 1 },
            Fault("max_tokens") { $0.maximumTokens = Int(UInt32.max) + 1 },
            Fault("max_tokens") { $0.maximumTokens = RequestLimits.sequenceTokens + 1 },
            Fault("-1") { $0.sampling.logitBias = [LogitBias(token: -1, bias: 1)] },
            Fault("nan") { $0.sampling.logitBias = [LogitBias(token: 1, bias: .nan)] },
        ])
    func beyondTheWire(_ fault: Fault) {
        var request = Self.unusual
        fault.change(&request)
        #expect(throws: TandemError.self) { try request.validate() }
    }
}
