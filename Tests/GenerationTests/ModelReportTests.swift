// Responsible for: what `tandem inspect` tells: configuration, special tokens, template, memory.
// Must not know: how it is shown.
import Foundation
import Sequences
import Testing

@testable import Generation

@Suite("The report on a model")
struct ModelReportTests {
    @Test("RoPE with its scaling, and every other field of the configuration, are facts")
    func facts() throws {
        let report = try ModelReport(path: TestFiles.fixture("llama-bf16-tied"))
        let facts = Dictionary(uniqueKeysWithValues: report.configurationFacts.map { ($0.name, $0.value) })
        #expect(facts["context length"] == "2048")
        #expect(facts["key value head count"] == "2")
        #expect(facts["rotary base"] == "500000.0")
        #expect(facts["rotary dimensions"] == "8")
        #expect(facts["rotary scaling"]?.hasPrefix("llama3 (factor 8.0, low frequency factor 1.0") == true)
        #expect(facts["has tied embeddings"] == "yes")
    }

    @Test("Fields that a configuration may get one day are told as well as those it has")
    func anyField() {
        enum Kind { case plain, pair(Int, share: Float), one(Double) }
        struct Inner { var depth = 3 }
        struct Outer {
            var windowLength: Int? = 128
            var absent: Int?
            var kind = Kind.pair(4, share: 0.5)
            var single = Kind.one(2)
            var simple = Kind.plain
            var inner = Inner()
            var factors: [Float] = [1, 2, 3, 4, 5]
            var few = [true, false]
        }
        let facts = ModelReport.facts(of: Outer(), under: "").map { "\($0.name): \($0.value)" }
        #expect(
            facts == [
                "window length: 128", "kind: pair (4, share 0.5)", "single: one (2.0)", "simple: plain",
                "inner depth: 3", "factors: 5 values, 1.0, 2.0 ... 5.0", "few: [true, false]",
            ])
    }

    @Test("Special tokens come with their texts and roles")
    func specialTokens() throws {
        let tokens = try ModelReport(path: TestFiles.fixture("llama-bf16-tied")).specialTokens
        #expect(tokens.first { $0.text == "<s>" }?.roles == ["beginning"])
        #expect(tokens.first { $0.text == "</s>" }?.roles.contains("end of answer") == true)
        #expect(tokens.first { $0.text == "<unk>" }?.roles == ["unknown"])
        let tales = try ModelReport(path: TestFiles.tales)
        #expect(
            tales.specialTokens == [.init(id: 0, text: "<|endoftext|>", roles: ["beginning", "end", "end of answer"])])
        #expect(tales.chatTemplate == nil)
    }

    @Test("Memory is weights, keys and values of the context asked for, and buffers")
    func memory() throws {
        let short = try ModelReport(path: TestFiles.tales, contextLength: 64).memory
        let long = try ModelReport(path: TestFiles.tales, contextLength: 512).memory
        for memory in [short, long] {
            #expect(memory.keyValueBytes == memory.keyValueBytesPerToken * memory.context)
            #expect(memory.totalBytes == memory.weightBytes + memory.keyValueBytes + memory.bufferBytes)
        }
        // 6 layers, keys and values, 192 numbers of 2 bytes each.
        #expect(short.keyValueBytesPerToken == 6 * 2 * 192 * 2)
        #expect((short.context, long.context) == (64, 512))
        #expect(short.weightBytes == long.weightBytes && short.bufferBytes == long.bufferBytes)
        #expect(throws: TandemError.self) { try ModelReport(path: TestFiles.tales, contextLength: 513) }
    }

    @Test("A chat template is told as it was found")
    func template() throws {
        let folder = try TemporaryFolder()
        let model = folder.file("model")
        try FileManager.default.copyItem(atPath: TestFiles.fixture("llama-f32"), toPath: model)
        let template = "{% for m in messages %}\n{{ m.content }}\n{% endfor %}"
        try Data(template.utf8).write(to: URL(fileURLWithPath: model + "/chat_template.jinja"))
        #expect(try ModelReport(path: model).chatTemplate == template)
    }

    /// A small Llama whose author recommends this.
    private func folder(recommending json: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let source = TestFiles.fixture("llama-f32")
        for name in try FileManager.default.contentsOfDirectory(atPath: source) where name != "generation_config.json" {
            try FileManager.default.createSymbolicLink(
                atPath: folder.file(name), withDestinationPath: source + "/" + name)
        }
        try json.write(toFile: folder.file("generation_config.json"), atomically: true, encoding: .utf8)
        return folder
    }

    @Test("What a model's author recommends for sampling is told")
    func recommendedSampling() throws {
        let folder = try folder(recommending: #"{"temperature": 0.5, "top_k": 20, "do_sample": true}"#)
        let report = try ModelReport(path: folder.path)
        #expect(report.samplingFacts.map { "\($0.name) \($0.value)" } == ["temperature 0.5", "top k 20"])
        #expect(report.recommendedSampling.topP == nil)
        #expect(try ModelReport(path: TestFiles.tales).samplingFacts.isEmpty)
    }

    @Test("Where a request says nothing it samples as the author recommends, and what it says goes first")
    func defaultSampling() async throws {
        let folder = try folder(recommending: #"{"do_sample": false}"#)
        let generator = try LocalGenerator(modelPath: folder.path, contextLength: nil, threads: 1)
        func tokens(_ change: (inout GenerationRequest) -> Void) async throws -> [Int32] {
            var request = GenerationRequest(prompt: .tokens([1, 5, 9]))
            (request.maximumTokens, request.ignoresEndOfText, request.sampling.seed) = (24, true, 7)
            change(&request)
            var tokens: [Int32] = []
            for try await event in generator.generate(request).events {
                if case .tokens(let more, _) = event { tokens += more.map(\.token) }
            }
            return tokens
        }
        let greedy = try await tokens { $0.sampling.temperature = 0 }
        #expect(greedy.count == 24)
        #expect(try await tokens { _ in } == greedy)
        #expect(try await tokens { $0.sampling.temperature = 2 } != greedy)
    }
}
