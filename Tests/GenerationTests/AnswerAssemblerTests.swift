// Responsible for: text around the model: prompts that fit, oldest turns dropped, answers cut at stop strings.
import ModelFile
import Sequences
import Testing
import Tokenization

@testable import Generation

@Suite("Prompts and answers")
struct AnswerAssemblerTests {
    private let loaded: LoadedModel
    private let tokenizer: Tokenizer

    init() throws {
        loaded = try LoadedModel(path: TestFiles.tales, contextLength: 64)
        tokenizer = try Tokenizer(try #require(loaded.model.tokenizer))
    }

    private func answer(_ text: String, stops: [String], end: Set<Int32> = [], after: [Int32] = []) -> (String, Bool) {
        var assembler = AnswerAssembler(tokenizer: tokenizer, promptTokens: [5], stops: stops, endTokens: end)
        var shown = ""
        for token in tokenizer.encode(text, addSpecial: false, parseSpecial: false) + after {
            let step = assembler.append(SampledToken(token: token))
            shown += Self.text(of: step.events)
            if step.isFinished { return (shown, true) }
        }
        return (shown + Self.text(of: assembler.finish()), false)
    }

    private static func text(of events: [GenerationEvent]) -> String {
        events.map { if case .tokens(_, let text) = $0 { text ?? "" } else { "" } }.joined()
    }

    private static func tokens(of events: [GenerationEvent]) -> [Int32] {
        events.flatMap { event -> [Int32] in
            if case .tokens(let tokens, _) = event { tokens.map(\.token) } else { [] }
        }
    }

    @Test("A stop string ends the text wherever tokens cut it, and is not shown")
    func stops() {
        #expect(answer("The dog ran to the park.", stops: ["to the"]) == ("The dog ran ", true))
        #expect(answer("The dog ran to the park.", stops: ["park!"]) == ("The dog ran to the park.", false))
    }

    @Test("An end token ends the answer without a text of its own")
    func endToken() {
        #expect(answer("The dog", stops: [], end: [0], after: [0]) == ("The dog", true))
        #expect(answer("The dog", stops: [], end: [], after: [0]) == ("The dog", false))
    }

    @Test("A stop token ends the answer before it, also where end tokens are ignored or there is no tokenizer")
    func stopToken() {
        let ids = tokenizer.encode("The dog ran", addSpecial: false, parseSpecial: false)
        var assembler = AnswerAssembler(
            tokenizer: tokenizer, promptTokens: [5], stops: [], endTokens: [], stopTokens: [ids[1], 0])
        let first = assembler.append(SampledToken(token: ids[0]))
        let second = assembler.append(SampledToken(token: ids[1]))
        #expect(!first.isFinished && second.isFinished)
        #expect(Self.tokens(of: first.events + second.events) == [ids[0]])
        var bare = AnswerAssembler(tokenizer: nil, promptTokens: [], stops: [], endTokens: [3], stopTokens: [3])
        #expect(bare.append(SampledToken(token: 3)) == ([.tokens([], text: nil)], true))
    }

    @Test("The text of a special token is a stop string like any other, alone and in a longer one")
    func specialStop() throws {
        let special = try #require((0..<Int32(tokenizer.vocabularySize)).first { tokenizer.isSpecial($0) })
        let name = String(decoding: try #require(tokenizer.specialText(of: special)), as: UTF8.self)
        #expect(tokenizer.hasSpecial("a" + name + "b") && !tokenizer.hasSpecial("a dog"))
        #expect(answer("The dog", stops: [name], after: [special]) == ("The dog", true))
        #expect(answer("The dog", stops: ["dog" + name], after: [special]) == ("The ", true))
        #expect(answer("The dog", stops: [name + name], after: [special]) == ("The dog", false))
        #expect(answer("The dog", stops: ["cat" + name, name], after: [special, 7]) == ("The dog", true))
        #expect(answer("The dog", stops: ["dog!"], after: [special]) == ("The dog", false))
    }

    @Test("Without a tokenizer there are ids only")
    func withoutTokenizer() {
        var assembler = AnswerAssembler(tokenizer: nil, promptTokens: [], stops: ["x"], endTokens: [3])
        let (first, last) = (SampledToken(token: 2), SampledToken(token: 3))
        #expect(assembler.append(first) == ([.tokens([first], text: nil)], false))
        #expect(assembler.append(last) == ([.tokens([last], text: nil)], true))
    }

    @Test("A prompt must fit, hold known ids, and hold something")
    func refused() throws {
        for prompt: GenerationRequest.Prompt in [
            .text(""), .tokens([]), .tokens([2_048]), .text(String(repeating: "dog ", count: 100)),
            .messages([ChatMessage(role: .assistant, content: "I speak first")]),
        ] {
            #expect(throws: TandemError.self) { try loaded.encoder.encode(GenerationRequest(prompt: prompt)) }
        }
    }

    @Test("The oldest turns are dropped when the context is full; the system message stays")
    func droppedTurns() throws {
        var messages = [ChatMessage(role: .system, content: "Be kind.")]
        for turn in 0..<8 {
            messages.append(ChatMessage(role: .user, content: "Question \(turn) about a dog?"))
            messages.append(ChatMessage(role: .assistant, content: "It is a dog."))
        }
        messages.append(ChatMessage(role: .user, content: "The last one"))
        let encoded = try loaded.encoder.encode(GenerationRequest(prompt: .messages(messages)))
        let text = tokenizer.decode(encoded.tokens, skipSpecial: true)
        #expect(encoded.droppedMessages > 0 && encoded.droppedMessages % 2 == 0)
        #expect(encoded.tokens.count < 64)
        #expect(text.contains("Be kind.") && text.contains("The last one") && !text.contains("Question 0"))
    }
}
