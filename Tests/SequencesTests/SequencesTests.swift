// Responsible for: the values that both sides speak of. Must not know: who speaks of them.
import CKernels
import Sequences
import Testing

@Suite("Values that both sides speak of")
struct SequencesTests {
    @Test("A block of keys and values is as long as the kernels' is")
    func blockLength() {
        #expect(KeyValueBlock.positions == Int(TK_KV_BLOCK))
        #expect([0, 1, 32, 33, 64].map { KeyValueBlock.count(forPositions: $0) } == [0, 1, 1, 2, 2])
    }

    @Test("What was not said comes from the model's author, then from the standard")
    func completion() {
        var wanted = SamplingParameters()
        wanted.topK = 3
        wanted.seed = 9
        var author = SamplingParameters()
        author.topK = 20
        author.temperature = 0.6
        author.seed = 1
        let all = wanted.completed(by: author).completed(by: .standard)
        #expect(all.topK == 3)
        #expect(all.temperature == 0.6)
        #expect(all.topP == 0.95 && all.minP == 0.05 && all.repeatPenalty == 1)
        #expect(all.seed == 9)
    }

    @Test("A sentence names fields, and whoever shows it spells them")
    func sentence() {
        let value = 2
        let sentence: Sentence = "\(.topP) is \(value), but must be " + "at most 1; see \(.topK)"
        #expect("\(sentence)" == "top_p is 2, but must be at most 1; see top_k")
        #expect(sentence.text { "--" + $0.name } == "--top_p is 2, but must be at most 1; see --top_k")
        #expect(sentence.fields == [.topP, .topK])
        #expect(Sentence(parts: sentence.parts) == sentence)
        let outer: Sentence = "refused: \(sentence)"
        #expect(outer.fields == [.topP, .topK])
        #expect("\(outer)!" == "refused: top_p is 2, but must be at most 1; see top_k!")
        #expect("\(Sentence(parts: []))" == "")
    }

    @Test("An error knows its field, its kind and when to try again, and never breaks a line")
    func errors() {
        var parameters = SamplingParameters()
        parameters.topP = 2
        let error = #expect(throws: TandemError.self) { try parameters.validate() }
        #expect(error?.field == .topP)
        #expect(error?.kind == .invalid)
        #expect("\(TandemError("a\nb\u{1B}[2Jc"))" == "a b [2Jc")
        let busy = TandemError("full", kind: .overloaded(retryAfterMilliseconds: 5))
        #expect(busy.retryAfterMilliseconds == 5)
        #expect(TandemError("gone", kind: .unavailable).retryAfterMilliseconds == nil)
    }

    private static let meaningless: [(Field, @Sendable (inout SamplingParameters) -> Void)] = [
        (.temperature, { $0.temperature = -1 }), (.topK, { $0.topK = -1 }), (.topP, { $0.topP = 0 }),
        (.minP, { $0.minP = .nan }), (.repeatPenalty, { $0.repeatPenalty = 0 }),
        (.presencePenalty, { $0.presencePenalty = .infinity }), (.frequencyPenalty, { $0.frequencyPenalty = .nan }),
        (.logitBias, { $0.logitBias = [LogitBias(token: -1, bias: 0)] }),
        (.logProbabilities, { $0.logProbabilityCount = 101 }),
    ]

    @Test("Parameters without a meaning are refused by name", arguments: meaningless.indices)
    func refused(_ index: Int) {
        let (field, change) = Self.meaningless[index]
        var parameters = SamplingParameters.standard
        change(&parameters)
        let error = #expect(throws: TandemError.self) { try parameters.validate() }
        #expect(error?.field == field)
    }
}
