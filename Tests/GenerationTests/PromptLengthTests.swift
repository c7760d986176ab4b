// Responsible for: prompts that cannot fit are refused before they are made into tokens; those that are cancelled end.
// Must not know: how tokens are made.
import Sequences
import Testing
import Tokenization

@testable import Generation

@Suite("Long prompts")
struct PromptLengthTests {
    private let loaded: LoadedModel

    init() throws { loaded = try LoadedModel(path: TestFiles.tales, contextLength: 64) }

    private func refusal(_ prompt: GenerationRequest.Prompt) -> String? {
        let error = #expect(throws: TandemError.self) { try loaded.encoder.encode(GenerationRequest(prompt: prompt)) }
        return error?.message.description
    }

    @Test("A prompt of 16 MiB for a short context is refused by its length, at once")
    func refused() throws {
        let text = String(repeating: "a dog ", count: RequestLimits.promptBytes / 6)
        let started = ContinuousClock.now
        #expect(refusal(.text(text))?.contains("so at least") == true)
        #expect(refusal(.messages([ChatMessage(role: .user, content: text)]))?.contains("so at least") == true)
        #expect(started.duration(to: .now) < .seconds(5))
    }

    @Test("The number of tokens that a text certainly has is never too large")
    func certain() throws {
        for path in [TestFiles.tales, TestFiles.fixture("llama-f32")] {
            let tokenizer = try #require(try LoadedModel(path: path, contextLength: nil).encoder.tokenizer)
            let most = try #require(tokenizer.mostBytesOfToken)
            for text in [
                "Once upon a time there was a little girl", "aaaaaaaaaaaaaaaa", "                ", "\u{1F600}日本",
                "\n\n",
            ] {
                let long = String(repeating: text, count: 50)
                let tokens = tokenizer.encode(long, addSpecial: false, parseSpecial: true)
                #expect(long.utf8.count <= most * tokens.count)
            }
        }
    }

    @Test("Of a conversation that is too long the newest turns are kept, and the rest is not looked at")
    func conversation() throws {
        var messages: [ChatMessage] = []
        let long = String(repeating: "a dog ", count: 4_000)
        for _ in 0..<500 {
            messages.append(ChatMessage(role: .user, content: long))
            messages.append(ChatMessage(role: .assistant, content: "Yes."))
        }
        messages.append(ChatMessage(role: .user, content: "And a cat?"))
        let started = ContinuousClock.now
        let encoded = try loaded.encoder.encode(GenerationRequest(prompt: .messages(messages)))
        #expect(encoded.droppedMessages == 1_000)
        #expect(started.duration(to: .now) < .seconds(5))
    }

    @Test("A prompt that is cancelled ends, before it begins and while it lasts")
    func cancelled() throws {
        let isCancelled = Cancellation()
        isCancelled.set()
        #expect(throws: TandemError.promptCancelled) {
            try loaded.encoder.encode(GenerationRequest(prompt: .text("a dog")), isCancelled: isCancelled)
        }
        let tokenizer = try #require(loaded.encoder.tokenizer)
        for text in [String(repeating: "a dog ", count: 100_000), String(repeating: "the", count: 200_000)] {
            var asked = 0
            let tokens = tokenizer.encode(text, addSpecial: false, parseSpecial: false) {
                asked += 1
                return asked > 4
            }
            #expect((5..<10).contains(asked))
            #expect(tokens != tokenizer.encode(text, addSpecial: false, parseSpecial: false))
        }
    }
}
