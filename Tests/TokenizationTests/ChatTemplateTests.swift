// Conversations through chat templates: what a template sees, what becomes of its text, how reasoning is found.
import ModelFile
import Testing

@testable import Tokenization

@Suite("Chat templates")
struct ChatTemplateTests {
    private let tokenizer = Vocabularies.sentencePiece(
        ["▁", "a"], added: [.init(id: 0, content: "<|end|>", isSpecial: true)])

    private func text(
        _ template: String, _ messages: [ChatTemplate.Message], tools: String? = nil, variables: String? = nil,
        addsGenerationPrompt: Bool = true
    ) throws -> String {
        try ChatTemplate(template, tokenizer: tokenizer).text(
            of: messages, tools: tools, variables: variables, addsGenerationPrompt: addsGenerationPrompt,
            unixSeconds: 86_400 * 365)
    }

    @Test("A template sees messages, special tokens and the wish for an answer")
    func variables() throws {
        let template = """
            {{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m['content'] }}{{ eos_token }}{% endfor %}
            {%- if add_generation_prompt %}[assistant]{% endif %}{{ tools is none }}{{ documents is none }}
            """
        let messages = [
            ChatTemplate.Message(role: "system", content: "Kind é"), ChatTemplate.Message(role: "user", content: "Hi"),
        ]
        #expect(
            try text(template, messages) == "<s>[system]Kind é</s>[user]Hi</s>[assistant]TrueTrue")
        #expect(try text(template, [], addsGenerationPrompt: false) == "<s>TrueTrue")
    }

    @Test("Tools come in the order in which they were written, reasoning and calls under their usual names")
    func fields() throws {
        let message = ChatTemplate.Message(
            role: "assistant", content: "", reasoning: "because",
            toolCalls: #"[{"function": {"name": "f", "arguments": {"b": 1, "a": [2.0, null]}}}]"#)
        #expect(try text("{{ messages[0].reasoning_content ~ messages[0].thinking }}", [message]) == "becausebecause")
        #expect(
            try text("{{ messages[0].tool_calls[0].function.arguments | tojson }}", [message])
                == #"{"b": 1, "a": [2.0, null]}"#)
        #expect(try text("{{ tools | tojson }}", [], tools: #"[{"z":1,"a":"é"}]"#) == #"[{"z": 1, "a": "é"}]"#)
        #expect(
            try text("{{ messages[0] | tojson }}", [.init(role: "user", content: "x")])
                == #"{"role": "user", "content": "x"}"#)
    }

    @Test("Further variables come as JSON and go before the usual ones")
    func furtherVariables() throws {
        #expect(
            try text(
                "{{ enable_thinking }}{{ bos_token }}", [], variables: #"{"enable_thinking": false, "bos_token": "B"}"#)
                == "FalseB")
        #expect(try text("{{ strftime_now('%Y') }}", []) == "1971")
    }

    @Test("What is wrong is one sentence with the line")
    func errors() {
        func problem(_ template: String, tools: String? = nil, variables: String? = nil) -> String? {
            do {
                _ = try text(template, [], tools: tools, variables: variables)
                return nil
            } catch { return "\(error)" }
        }
        #expect(problem("a\n{% if %}")?.contains("line 2") == true)
        #expect(problem("{{ x.y }}")?.contains("'x' is undefined") == true)
        #expect(problem("{{ raise_exception('only users') }}")?.contains("only users") == true)
        #expect(problem("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}") != nil)
        #expect(problem("", tools: "{}") == "the tools are not a JSON list")
        #expect(problem("", tools: "[") == "the tools are not a JSON list")
        #expect(problem("", variables: "[]") == "the template's variables are not a JSON object")
    }

    @Test("The text's special tokens are tokens, and the first token is there once")
    func tokens() throws {
        let tokenizer = try Tokenizer(tokenizer)
        let plain = tokenizer.encode("a", addSpecial: false, parseSpecial: false)
        #expect(tokenizer.encode(rendered: "a").first == 1)
        #expect(tokenizer.encode(rendered: "a") == [1] + plain)
        #expect(tokenizer.encode(rendered: "<s>a").filter { $0 == 1 } == [1])
        #expect(tokenizer.encode(rendered: "<s><|end|>").last == Int32(tokenizer.vocabularySize - 1))
    }

    // MARK: Reasoning

    /// What readers see of pieces of text and marks, where marks are written as in the vocabulary.
    private func shown(_ pieces: [String], added: [String], isOpen: Bool = false) -> String {
        let description = Vocabularies.byteLevel(added: added.map { .init(id: 0, content: $0, isSpecial: true) })
        var reader = ReasoningReader(ReasoningMarks(description), isOpen: isOpen)
        var isInside = isOpen
        return pieces.map { piece in
            let id = description.addedTokens.first { $0.content == piece }?.id
            guard let turn = id.flatMap({ reader.take(Int32($0)) }) else { return reader.take(text: piece) }
            defer { isInside = turn.isReasoning }
            if turn.isReasoning == isInside { return turn.text }
            return (turn.isReasoning ? ReasoningMarks.opening : ReasoningMarks.closing) + turn.text
        }.joined()
    }

    @Test("Whatever a model calls its marks, readers see <think>")
    func marks() {
        #expect(shown(["<think>", "x", "</think>", "y"], added: ["<think>", "</think>"]) == "<think>x</think>y")
        #expect(shown(["[THINK]", "x", "[/THINK]", "y"], added: ["[THINK]", "[/THINK]"]) == "<think>x</think>y")
        #expect(shown(["x", "</think>", "y"], added: ["</think>"], isOpen: true) == "x</think>y")
        #expect(shown(["x", "</think>", "y"], added: ["</think>"]) == "xy")
        #expect(shown(["<think>", "x"], added: []) == "<think>x")
    }

    @Test("The channels of gpt-oss: analysis is reasoning, a call's recipient is told, other headers are not shown")
    func channels() {
        let added = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>"]
        let answer = [
            "<|channel|>", "analysis", "<|message|>", "hm", "<|end|>", "<|start|>", "assistant", "<|channel|>", "final",
            "<|message|>", "yes",
        ]
        #expect(shown(answer, added: added) == "<think>hm</think>yes")
        let call = ["<|channel|>", "commentary", " to=functions.f", "<|message|>", "{}"]
        #expect(shown(call, added: added) == "commentary to=functions.f\n{}")
        let two = ["<|channel|>", "analysis", "<|message|>", "a", "<|channel|>", "analysis", "<|message|>", "b"]
        #expect(shown(two, added: added) == "<think>ab")
    }

    @Test("A prompt may end inside of the reasoning")
    func openPrompt() {
        #expect(ReasoningMarks.isOpen(atEndOf: "<|im_start|>assistant\n<think>\n"))
        #expect(!ReasoningMarks.isOpen(atEndOf: "<|im_start|>assistant\n<think>\n\n</think>\n\n"))
        #expect(!ReasoningMarks.isOpen(atEndOf: ""))
    }
}
