// Responsible for: perplexity: which tokens are scored, the estimate, llama.cpp's numbers, and the same from a cluster.
// Must not know: how scores are computed.
import Foundation
import Sequences
import Testing
import Tokenization

@testable import Generation

@Suite("Perplexity")
struct PerplexityTests {
    static let story = TestFiles.root.appendingPathComponent("Tests/Fixtures/perplexity/story.txt").path

    private func text(_ string: String, model: String, windowLength: Int, maximumWindows: Int? = nil) throws
        -> PerplexityText
    {
        try PerplexityText(
            Array(string.utf8), for: LoadedModel(path: model, contextLength: nil), windowLength: windowLength,
            maximumWindows: maximumWindows)
    }

    @Test("Windows follow each other, the rest and the last newline are left out")
    func windows() throws {
        let loaded = try LoadedModel(path: TestFiles.tales, contextLength: nil)
        let string = String(repeating: "Once upon a time there was a cat. ", count: 6)
        let tokens = try #require(loaded.encoder.tokenizer).encode(string, addSpecial: true, parseSpecial: false)
        let text = try text(string + "\n", model: TestFiles.tales, windowLength: 16)
        #expect(text.windows.count == tokens.count / 16)
        #expect(text.windows.flatMap { $0 } == Array(tokens.prefix(text.windows.count * 16)))
        #expect(try self.text(string, model: TestFiles.tales, windowLength: 16, maximumWindows: 2).windows.count == 2)
        // Tokens 9 ... 15 of 16: what positions 8 ... 14 predict.
        #expect(text.request(1).scoringStart == 9)
        #expect(text.request(1).prompt == .tokens(text.windows[1]))
    }

    @Test("BOS stands in place of the first token of each window where the model wants it")
    func beginning() throws {
        let model = TestFiles.fixture("llama-f32")
        let tokenizer = try #require(try LoadedModel(path: model, contextLength: nil).encoder.tokenizer)
        let string = String(repeating: "a cat and a dog ", count: 20)
        let plain = tokenizer.encode(string, addSpecial: true, parseSpecial: false)
        let windows = try text(string, model: model, windowLength: 8).windows
        let adds = plain.first == tokenizer.bosToken
        for (index, window) in windows.enumerated() {
            #expect(window[0] == (adds ? tokenizer.bosToken : plain[index * 8]))
            #expect(window[1...].elementsEqual(plain[(index * 8 + 1)..<(index * 8 + 8)]))
        }
    }

    @Test("A text shorter than a window, a window of no use and a missing file are refused with a sentence")
    func refused() throws {
        for (length, chunks) in [(16, nil), (3, nil), (100_000, nil), (4, 0)] as [(Int, Int?)] {
            #expect(throws: TandemError.self) {
                try text("Once upon", model: TestFiles.tales, windowLength: length, maximumWindows: chunks)
            }
        }
        let loaded = try LoadedModel(path: TestFiles.tales, contextLength: nil)
        #expect(throws: TandemError.self) {
            try PerplexityText(path: "/nowhere/text", for: loaded, windowLength: 16, maximumWindows: nil)
        }
    }

    @Test("A context that a model is too small for is refused with a sentence, whatever length its file says")
    func tinyContext() throws {
        let source = TestFiles.fixture("llama-f32")
        let folder = try TemporaryFolder()
        for name in try FileManager.default.contentsOfDirectory(atPath: source) where name != "config.json" {
            try FileManager.default.createSymbolicLink(
                atPath: folder.file(name), withDestinationPath: source + "/" + name)
        }
        let stored = try Data(contentsOf: URL(fileURLWithPath: source + "/config.json"))
        var settings = try #require(try JSONSerialization.jsonObject(with: stored) as? [String: Any])
        settings["rope_scaling"] = nil
        settings["rope_parameters"] = nil
        settings["max_position_embeddings"] = 1
        try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: folder.file("config.json")))
        #expect(throws: TandemError.self) { try LoadedModel(path: folder.path, contextLength: 2) }
        #expect(throws: TandemError.self) { try text("Once upon", model: folder.path, windowLength: 4) }
    }

    @Test("The estimate is e to the mean loss, its error that of a mean of independent values")
    func estimate() {
        var estimate = PerplexityEstimate()
        estimate.add([-1, -2])
        estimate.add([-3])
        #expect(abs(estimate.value - exp(2)) < 1e-12)
        #expect(abs(estimate.standardError - exp(2) * (2.0 / 3 / 2).squareRoot()) < 1e-12)
        estimate.add([-.infinity])
        #expect(estimate.value == .infinity)
        #expect(PerplexityEstimate().standardError == 0)
    }

    /// What `Tests/Reference/perplexity_reference.py` prints for the model that comes with Tandem and the story.
    static let llamaCpp: [(context: Int, value: Double, error: Double, first: Double)] = [
        (64, 42.30205125796764, 9.34009669582274, 12.604578777491135),
        (128, 48.06629915279458, 11.625195374159937, 22.933107819730605),
    ]

    @Test("Perplexities are llama.cpp's within 0.02 percent")
    func reference() async throws {
        let loaded = try LoadedModel(path: TestFiles.tales, contextLength: nil)
        for expected in Self.llamaCpp {
            let text = try PerplexityText(
                path: Self.story, for: loaded, windowLength: expected.context, maximumWindows: nil)
            let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: expected.context, threads: 1)
            var running: [PerplexityEstimate] = []
            let alone = try await text.measure(concurrency: 1, by: generator) { running.append($1) }
            #expect(abs(alone.value / expected.value - 1) < 2e-4)
            #expect(abs(alone.standardError / expected.error - 1) < 2e-4)
            #expect(abs((running.first?.value ?? 0) / expected.first - 1) < 2e-4)
            #expect(running.count == text.windows.count && running.last == alone)
        }
    }
}
