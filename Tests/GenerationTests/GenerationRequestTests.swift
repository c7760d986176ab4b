// Responsible for: which requests have a meaning, and that none of it is lost on the wire.
// Must not know: stages, sockets.
import Inference
import Sequences
import Testing
import Wire

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
        request.sampling.logitBias = [3: -1.5, 1: 2, 250: .infinity, 9: -.infinity]
        request.sampling.seed = .max
        request.sampling.logProbabilities = 5
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
        Fault("--temperature") { $0.sampling.temperature = -0.1 },
        Fault("--temperature") { $0.sampling.temperature = .nan },
        Fault("--temperature") { $0.sampling.temperature = .infinity },
        Fault("--top-k") { $0.sampling.topK = -1 },
        Fault("--top-p") { $0.sampling.topP = 0 },
        Fault("--top-p") { $0.sampling.topP = 1.01 },
        Fault("--top-p") { $0.sampling.topP = .nan },
        Fault("--min-p") { $0.sampling.minP = -0.01 },
        Fault("--min-p") { $0.sampling.minP = 1.01 },
        Fault("--repeat-penalty") { $0.sampling.repeatPenalty = 0 },
        Fault("--repeat-penalty") { $0.sampling.repeatPenalty = .infinity },
        Fault("--presence-penalty") { $0.sampling.presencePenalty = .nan },
        Fault("--frequency-penalty") { $0.sampling.frequencyPenalty = .infinity },
        Fault("--logprobs") { $0.sampling.logProbabilities = -1 },
        Fault("--logprobs") { $0.sampling.logProbabilities = 101 },
        Fault("--max-tokens") { $0.maximumTokens = 0 },
        Fault("--max-tokens") { $0.maximumTokens = .min },
        Fault("--stop") { $0.stops = [""] },
        Fault("--stop") { $0.stops = [String(repeating: "x", count: 4097)] },
        Fault("scores from token 3") { $0.scoringStart = 3 },
        Fault("scores from token 0") { ($0.prompt, $0.scoringStart) = (.tokens([1, 2]), 0) },
        Fault("scores from token 2") { ($0.prompt, $0.scoringStart) = (.tokens([1, 2]), 2) },
        Fault("65 stop") { $0.stops = Array(repeating: "x", count: 65) },
    ]

    @Test("A value without a meaning is refused, and its flag named", arguments: faults)
    func fault(_ fault: Fault) {
        var request = Self.unusual
        fault.change(&request)
        let error = #expect(throws: TandemError.self) { try request.validate() }
        #expect(error?.message.contains(fault.word) == true)
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
        request.sampling.logProbabilities = 100
        request.stops = Array(repeating: String(repeating: "x", count: 4096), count: 64)
        try request.validate()
    }

    @Test(
        "A request beyond what a message can say is refused before it is sent",
        arguments: [
            Fault("--top-k") { $0.sampling.topK = Int(UInt32.max) + 1 },
            Fault("--top-k") { $0.sampling.topK = Int(Int32.max) + 1 },
            Fault("--max-tokens") { $0.maximumTokens = Int(UInt32.max) + 1 },
            Fault("--max-tokens") { $0.maximumTokens = Wire.Limits.sequenceTokens + 1 },
            Fault("-1") { $0.sampling.logitBias = [-1: 1] },
            Fault("nan") { $0.sampling.logitBias = [1: .nan] },
        ])
    func beyondTheWire(_ fault: Fault) {
        var request = Self.unusual
        fault.change(&request)
        #expect(throws: TandemError.self) { try request.validate() }
    }

    @Test("Sampling options come back from the wire as they were")
    func samplingRoundTrip() {
        for options in [SamplingOptions(), Self.unusual.sampling] {
            #expect(SamplingOptions(Wire.SamplingParameters(options)) == options)
        }
    }

    @Test("The last stage is told what was asked for")
    func stageParameters() {
        let options = Self.unusual.sampling
        let stage = Inference.SamplingParameters(Wire.SamplingParameters(options), promptTokenCount: 12)
        #expect(stage.temperature == 1.25)
        #expect(stage.topK == 7)
        #expect(stage.topP == 0.5)
        #expect(stage.minP == 0.125)
        #expect(stage.repeatPenalty == 1.5)
        #expect(stage.presencePenalty == -0.25)
        #expect(stage.frequencyPenalty == 0.75)
        #expect(stage.logitBias.map(\.token) == [1, 3, 9, 250])
        #expect(stage.logitBias.map(\.bias) == [2, -1.5, -.infinity, .infinity])
        #expect(stage.seed == .max)
        #expect(stage.logProbabilityCount == 5)
        #expect(stage.promptTokenCount == 12)
        #expect(
            Inference.SamplingParameters(Wire.SamplingParameters(SamplingOptions()), promptTokenCount: 0)
                .logProbabilityCount == -1)
    }

    @Test("A request comes back from a client's message as it was")
    func requestRoundTrip() throws {
        let prompts: [GenerationRequest.Prompt] = [
            .text("Once\u{0} upon 🙂"), .tokens([0, 5, Int32.max]), .tokens([]),
            .messages([
                ChatMessage(role: .system, content: "Be brief."), ChatMessage(role: .user, content: ""),
                ChatMessage(role: .assistant, content: "a\nb"), ChatMessage(role: .user, content: "é"),
            ]),
        ]
        for prompt in prompts {
            var request = Self.unusual
            request.prompt = prompt
            request.scoringStart = 2
            let frame = ControlRequest.client(.generate(request.message(id: ClientRequestID(3)))).encode()
            guard case .client(.generate(let message)) = try ControlRequest(decoding: frame) else {
                Issue.record("another message came back")
                return
            }
            #expect(message.id == ClientRequestID(3))
            #expect(message.build == buildVersion)
            #expect(try GenerationRequest(message) == request)
        }
    }

    @Test("An unknown role is refused")
    func unknownRole() {
        let message = Generate(id: ClientRequestID(1), prompt: .messages([.init(role: "robot", content: "x")]))
        let error = #expect(throws: TandemError.self) { try GenerationRequest(message) }
        #expect(error?.message.contains("robot") == true)
    }
}
