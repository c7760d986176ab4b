// Models on disk: the project's fixtures, third-party files where they are present, and paths that are no models.
import Foundation
import Testing

@testable import ModelFile

@Suite struct ModelTests {
    @Test(
        "Every fixture opens, and every byte of its tensors can be read",
        arguments: [
            "gpt2-f32", "gpt2-bf16", "llama-f32", "llama-bf16-tied", "llama-mha-sharded", "gguf/gpt2-f16.gguf",
            "gguf/llama-f32.gguf", "gguf/llama-bf16-tied.gguf", "gguf/llama-q8_0.gguf", "gguf/llama-q4_0.gguf",
            "gguf/llama-q8_0-split-00001-of-00002.gguf", "gguf/llama-q8_0-split-00002-of-00002.gguf",
        ])
    func fixtures(name: String) throws {
        let model = try Model.open(path: Place.fixture("models/" + name))
        try model.configuration.validate()
        for tensor in model.tensors {
            try tensor.validate()
            var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
            try bytes.withUnsafeMutableBytes { try model.read(tensor, at: 0, into: $0) }
        }
        let tied = model.configuration.hasTiedEmbeddings ? model.tensors[0].byteCount : 0
        let summary = model.summary
        #expect(summary.layerBytes.count == model.configuration.layerCount)
        #expect(
            summary.bytes == summary.embeddingBytes + summary.layerBytes.reduce(0, +) + summary.headBytes - tied)
    }

    @Test("A model is the same from a folder and from GGUF, but for rotary pairs, scaling and types")
    func sameModelInTwoFormats() throws {
        let folder = try Model.open(path: Place.fixture("models/llama-bf16-tied"))
        let file = try Model.open(path: Place.fixture("models/gguf/llama-bf16-tied.gguf"))
        var expected = folder.configuration
        expected.positions = file.configuration.positions
        #expect(file.configuration == expected)
        guard case .rotary(let rotary) = file.configuration.positions, case .factors = rotary.scaling,
            case .rotary(let other) = folder.configuration.positions, case .llama3 = other.scaling
        else { return #expect(Bool(false)) }
        #expect(rotary.pairing == .interleaved)
        #expect(other.pairing == .halves)
        #expect(folder.summary.parameters == file.summary.parameters)
        #expect(folder.tokenizer?.tokens == file.tokenizer?.tokens)
    }

    @Test("Reading outside of a tensor is refused")
    func readOutside() throws {
        let model = try Model.open(path: Place.fixture("models/gguf/llama-f32.gguf"))
        var buffer = [UInt8](repeating: 0, count: 8)
        var tensor = model.tensors[0]
        for offset in [-1, tensor.byteCount - 7, Int.max, Int.min] {
            #expect(throws: ModelFileError.self) {
                try buffer.withUnsafeMutableBytes { try model.read(tensor, at: offset, into: $0) }
            }
        }
        tensor.file = 7
        #expect(throws: ModelFileError.self) {
            try buffer.withUnsafeMutableBytes { try model.read(tensor, at: 0, into: $0) }
        }
        tensor.file = 0
        tensor.offset = Int.max
        #expect(throws: ModelFileError.self) {
            try buffer.withUnsafeMutableBytes { try model.read(tensor, at: 1, into: $0) }
        }
    }

    @Test("Paths that lead to no model are refused with a clear sentence")
    func paths() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/tandem-paths-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(refusal { try Model.open(path: folder + "/absent.gguf") }?.code == .notFound)
        #expect(refusal { try Model.open(path: "") }?.code == .notFound)
        #expect(refusal { try Model.open(path: folder) }?.field == "config.json")
        #expect(refusal { try Model.open(path: "/dev/null") }?.code == .wrongFileKind)
        #expect(mkfifo(folder + "/pipe", 0o600) == 0)
        #expect(refusal { try Model.open(path: folder + "/pipe") }?.code == .wrongFileKind)
        for content in ["", "GG", "hello, this is no model"] {
            try Data(content.utf8).write(to: URL(filePath: folder + "/file"))
            #expect(refusal { try Model.open(path: folder + "/file") }?.code == .malformed)
        }
        try FileManager.default.createDirectory(atPath: folder + "/config.json", withIntermediateDirectories: true)
        #expect(refusal { try Model.open(path: folder) }?.code == .wrongFileKind)
    }

    @Test("A file that shrinks while in use is an error, not a crash")
    func shrinkingFile() throws {
        let path = FileManager.default.temporaryDirectory.path + "/tandem-\(UUID().uuidString).gguf"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(TinyModels.llamaGGUF().bytes).write(to: URL(filePath: path))
        let model = try Model.open(path: path)
        #expect(truncate(path, 100) == 0)
        var buffer = [UInt8](repeating: 0, count: 8)
        let error = refusal {
            try buffer.withUnsafeMutableBytes { try model.read(model.tensors[0], at: 0, into: $0) }
        }
        #expect(error?.code == .truncated)
    }
}

/// Files that are not part of the project. Where they are absent these tests are reported as skipped: set
/// TANDEM_SHARED to their folder to run them.
@Suite(.enabled(if: Place.hasShared, "third-party files are absent; set TANDEM_SHARED to their folder"))
struct SharedModelTests {
    @Test("Third-party models open", arguments: ["models/stories260K.gguf", "models/llama-2-tiny-random.gguf"])
    func models(name: String) throws {
        let model = try Model.open(path: Place.shared + "/" + name)
        #expect(model.tokenizer?.normalizers.first == .prepend("\u{2581}"))
        #expect(model.generation.eosTokens == [2])
    }

    @Test("A folder without tokenizer opens, its weights under any name")
    func withoutTokenizer() throws {
        let model = try Model.open(path: Place.shared + "/conformance/paged-infer")
        #expect(model.tokenizer == nil)
        #expect(model.configuration.headSize == 24)
        let same = try Model.open(path: Place.shared + "/conformance/paged-infer/tiny_llama.safetensors")
        #expect(same.tensors == model.tensors)
    }

    @Test(
        "Third-party vocabularies open",
        arguments: [
            ("ggml-vocab/ggml-vocab-gpt-2.gguf", 50_257, 2), ("ggml-vocab/ggml-vocab-llama-spm.gguf", 32_000, 0),
            ("ggml-vocab/ggml-vocab-starcoder.gguf", 49_152, 3), ("ggml-vocab/ggml-vocab-falcon.gguf", 65_024, 4),
            ("tokenizers/gpt2", 50_257, 1), ("tokenizers/gpt2/tokenizer.json", 50_257, 1),
            ("tokenizers/smollm-135m", 49_153, 2), ("tokenizers/qwen2", 151_646, 2),
            ("tokenizers/mistral/tokenizer.model.v1", 32_000, 0),
            ("tokenizers/mistral/mistral_instruct_tokenizer_240323.model.v3", 32_768, 0),
        ])
    func vocabularies(name: String, count: Int, steps: Int) throws {
        let tokenizer = try #require(try Model.openTokenizer(path: Place.shared + "/" + name))
        #expect(tokenizer.tokens.count == count)
        #expect(tokenizer.unsupported == nil)
        #expect(tokenizer.preTokenizers.count == steps)
    }

    @Test("GPT-2's tokenizer is the same from tokenizer.json and from GGUF")
    func sameTokenizer() throws {
        let json = try #require(try Model.openTokenizer(path: Place.shared + "/tokenizers/gpt2"))
        let gguf = try #require(try Model.openTokenizer(path: Place.shared + "/ggml-vocab/ggml-vocab-gpt-2.gguf"))
        #expect(json.tokens == gguf.tokens)
        guard case .bytePairs(let left) = json.algorithm, case .bytePairs(let right) = gguf.algorithm else {
            return #expect(Bool(false))
        }
        #expect(left == right)
        #expect(json.addedTokens.map(\.id) == gguf.addedTokens.map(\.id))
    }
}
