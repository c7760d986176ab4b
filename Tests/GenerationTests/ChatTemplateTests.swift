// Responsible for: which text a request becomes where the model has a chat template, and reasoning in answers.
// Must not know: what templates can do.
import Foundation
import ModelFile
import Sequences
import Testing
import Tokenization

@testable import Generation

@Suite("Requests through chat templates")
struct ChatTemplateTests {
    private static let template = """
        {{ bos_token }}{% for m in messages %}({{ m.role }}){{ m.content }}{% if m.reasoning_content is defined %}[{{ m.reasoning_content }}]{% endif %}{% endfor %}
        {%- if tools %}{{ tools | length }} tools{% endif %}{{ mood }}:
        """

    /// A small Llama with these files beside it.
    private func folder(_ files: [String: String]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let source = TestFiles.fixture("llama-f32")
        for name in try FileManager.default.contentsOfDirectory(atPath: source) {
            try FileManager.default.createSymbolicLink(
                atPath: folder.file(name), withDestinationPath: source + "/" + name)
        }
        for (name, text) in files { try text.write(toFile: folder.file(name), atomically: true, encoding: .utf8) }
        return folder
    }

    private func encode(_ request: GenerationRequest, _ files: [String: String]) throws -> (
        PromptEncoder.Encoded, String
    ) {
        let folder = try folder(files)
        let loaded = try LoadedModel(path: folder.path, contextLength: nil)
        let encoded = try loaded.encoder.encode(request)
        let tokenizer = try Tokenizer(try #require(loaded.model.tokenizer))
        return (encoded, tokenizer.decode(encoded.tokens, skipSpecial: false))
    }

    private func request(_ prompt: GenerationRequest.Prompt) -> GenerationRequest {
        var request = GenerationRequest(prompt: prompt)
        request.maximumTokens = 8
        return request
    }

    @Test("A prompt is one message of the user, unless it is raw")
    func prompt() throws {
        let files = ["chat_template.jinja": Self.template]
        var request = request(.text("Hi"))
        let (encoded, text) = try encode(request, files)
        #expect(text.hasSuffix("(user)Hi:"))
        #expect(encoded.tokens.filter { $0 == 1 } == [1])
        #expect(encoded.tokens.first == 1 && encoded.isTemplated && encoded.stops.isEmpty)
        request.isRaw = true
        #expect(try encode(request, files).1.hasSuffix("Hi"))
        #expect(try !encode(request, files).1.contains("user"))
        #expect(try encode(self.request(.text("Hi")), [:]).1.hasSuffix("Hi"))
    }

    @Test("Messages, reasoning, tools and variables reach the template; tools may have one of their own")
    func conversation() throws {
        var request = request(
            .messages([
                ChatMessage(role: .system, content: "S"), ChatMessage(role: .user, content: "U"),
                ChatMessage(role: .assistant, content: "A", reasoning: "R"), ChatMessage(role: .user, content: "V"),
            ]))
        request.templateVariables = #"{"mood": "!"}"#
        let files = [
            "tokenizer_config.json":
                #"{"chat_template": [{"name": "tool_use", "template": "T{{ tools[0].name }}"}, {"name": "default", "template": "#
                + String(decoding: try JSONEncoder().encode(Self.template), as: UTF8.self) + "}]}"
        ]
        #expect(try encode(request, files).1.hasSuffix("(system)S(user)U(assistant)A[R](user)V!:"))
        request.tools = #"[{"name": "f"}]"#
        #expect(try encode(request, files).1.hasSuffix("Tf"))
        #expect(try encode(request, ["chat_template.jinja": Self.template]).1.hasSuffix("(user)V1 tools!:"))
        (request.tools, request.templateVariables) = (nil, nil)
        #expect(try encode(request, [:]).1.hasSuffix("User: V\nAssistant:"))
    }

    @Test("A broken template and one that refuses are told with the way out, which works")
    func broken() throws {
        for template in ["{% if %}", "{{ raise_exception('no') }}", "{{ messages.x.y }}"] {
            var request = request(.text("Hi"))
            let files = ["chat_template.jinja": template]
            let error = #expect(throws: TandemError.self) { try encode(request, files) }
            #expect(error?.hint?.fields == [.raw])
            request.isRaw = true
            #expect(try encode(request, files).1.hasSuffix("Hi"))
            request.prompt = .messages([ChatMessage(role: .user, content: "Hi")])
            #expect(try encode(request, files).1.hasSuffix("User: Hi\nAssistant:"))
        }
    }

    @Test("The oldest turns are dropped through the template until the rest fits")
    func droppedTurns() throws {
        var messages = [ChatMessage(role: .system, content: "S")]
        for turn in 0..<40 {
            messages.append(ChatMessage(role: .user, content: "question \(turn)"))
            messages.append(ChatMessage(role: .assistant, content: "answer"))
        }
        messages.append(ChatMessage(role: .user, content: "last"))
        let folder = try folder(["chat_template.jinja": Self.template])
        let loaded = try LoadedModel(path: folder.path, contextLength: 128)
        let encoded = try loaded.encoder.encode(request(.messages(messages)))
        let text = try Tokenizer(try #require(loaded.model.tokenizer)).decode(encoded.tokens, skipSpecial: true)
        #expect(encoded.droppedMessages > 0 && encoded.droppedMessages % 2 == 0 && encoded.tokens.count < 128)
        #expect(text.contains("(system)S(user)question") && text.hasSuffix("(user)last:"))
    }

    @Test("Tools and variables are not dropped in silence where there is no template")
    func noTemplateForTools() throws {
        var withTools = request(.text("Hi"))
        withTools.tools = "[]"
        var withVariables = request(.text("Hi"))
        withVariables.templateVariables = "{}"
        for request in [withTools, withVariables] {
            let error = #expect(throws: TandemError.self) { _ = try encode(request, [:]) }
            #expect(error?.message == "this model has no chat template that could take tools or variables")
        }
    }

    @Test("What a template says is told in one line, with the way out")
    func templateMessages() throws {
        let raising = "{{ raise_exception('two\\nlines\\x1b[31m' ~ 'é' * 5000) }}"
        let loud = #expect(throws: TandemError.self) {
            _ = try encode(request(.text("Hi")), ["chat_template.jinja": raising])
        }
        #expect(loud?.message.description.contains("two lines [31mé") == true)
        #expect(loud?.message.description.unicodeScalars.count == 1_001)
    }

    @Test("Tools and variables that are no JSON are refused before they are sent", arguments: ["{", "5", ""])
    func wrongJSON(json: String) {
        var request = request(.messages([ChatMessage(role: .user, content: "x")]))
        request.tools = json
        #expect(throws: TandemError.self) { try request.validate() }
        request.tools = nil
        request.templateVariables = json
        #expect(throws: TandemError.self) { try request.validate() }
    }

    // MARK: Reasoning

    @Test("Reasoning is told from the answer wherever the text is cut", arguments: 1...12)
    func splitting(size: Int) {
        func split(_ text: String) -> (reasoning: String, answer: String) {
            var splitter = ReasoningSplitter()
            var parts: [ReasoningSplitter.Part] = []
            var rest = Array(text)[...]
            while !rest.isEmpty {
                parts += splitter.append(String(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            parts += splitter.finish()
            return (
                parts.filter(\.isReasoning).map(\.text).joined(), parts.filter { !$0.isReasoning }.map(\.text).joined()
            )
        }
        #expect(split("<think>why</think>yes") == ("why", "yes"))
        #expect(split("\n<think>a < b</thin</think>\n\nyes") == ("a < b</thin", "\n\nyes"))
        #expect(split("no <think>x</think>") == ("", "no <think>x</think>"))
        #expect(split("<think>cut") == ("cut", ""))
        #expect(split("<thin") == ("", "<thin"))
        #expect(split("<think>a</think> <think>b</think>c<think>") == ("ab", "c<think>"))
        #expect(split("") == ("", ""))
        #expect(split("é<think>") == ("", "é<think>"))
    }

    @Test("An answer that begins inside of the reasoning shows where it does")
    func openReasoning() throws {
        let folder = try folder(["chat_template.jinja": "{{ messages[0].content }}<think>\n"])
        let loaded = try LoadedModel(path: folder.path, contextLength: nil)
        let request = request(.text("Hi"))
        let prompt = try loaded.encoder.encode(request)
        #expect(prompt.isReasoningOpen)
        var assembler = loaded.assembler(for: request, prompt: prompt)
        let tokenizer = try Tokenizer(try #require(loaded.model.tokenizer))
        let e = try #require(tokenizer.encode("e", addSpecial: false, parseSpecial: false).last)
        let sample = SampledToken(token: e)
        for _ in 0..<2 { #expect(assembler.append(sample).events == [.reasoning([sample], text: "e")]) }
    }
}
