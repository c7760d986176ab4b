// What writers of GGUF files do otherwise than most, and what a file need not say: each is read, or left out with a
// sentence.
import Sequences
import Testing

@testable import ModelFile

@Suite("GGUF files of other writers")
struct GGUFWritersTests {
    private static let scores = [0, 0, 0, 0, -1, -2, -3, -4]

    /// A list of numbers as it lies in a file.
    private static func list<Value: FixedWidthInteger>(_ type: UInt32, _ values: [Value]) -> GGUFBuilder.Value {
        .raw(type: 9, bytes: littleEndian(type) + littleEndian(UInt64(values.count)) + values.flatMap(littleEndian))
    }

    private static func doubles(_ values: [Double]) -> GGUFBuilder.Value { list(12, values.map(\.bitPattern)) }

    @Test("Scores may be of every type of numbers")
    func scores() throws {
        let lists: [GGUFBuilder.Value] = [
            Self.list(1, Self.scores.map(Int8.init)), Self.list(3, Self.scores.map(Int16.init)),
            Self.list(5, Self.scores.map(Int32.init)), Self.list(11, Self.scores.map(Int64.init)),
            Self.doubles(Self.scores.map(Double.init)),
        ]
        for list in lists {
            var file = TinyModels.llamaGGUF()
            file.set("tokenizer.ggml.scores", list)
            guard case .sentencePiece(let scores)? = try file.tokenizer()?.algorithm else {
                return #expect(Bool(false))
            }
            #expect(scores == Self.scores.map(Float.init))
        }
        var file = TinyModels.llamaGGUF()
        file.set("tokenizer.ggml.scores", Self.list(7, [UInt8](repeating: 1, count: 8)))
        #expect(refusal { try file.tokenizer() }?.field == "tokenizer.ggml.scores")
    }

    @Test("Kinds of tokens and compiled maps may be of every type of numbers whose values fit")
    func otherLists() throws {
        let kinds = [2, 3, 3, 6, 1, 1, 1, 1]
        for list in [
            Self.list(0, kinds.map(UInt8.init)), Self.list(4, kinds.map(UInt32.init)),
            Self.list(10, kinds.map(UInt64.init)), Self.doubles(kinds.map(Double.init)),
        ] {
            var file = TinyModels.llamaGGUF()
            file.set("tokenizer.ggml.token_type", list)
            #expect(try file.tokenizer()?.kinds.map { Int($0.rawValue) } == kinds)
        }
        for list in [
            Self.list(5, [4, 0, 255].map(Int32.init)), Self.list(1, [Int8(4), 0, -1]),
            Self.list(11, [Int64(4), 0, 255]),
        ] {
            var file = TinyModels.llamaGGUF()
            file.set("tokenizer.ggml.model", .string("t5"))
            file.set("tokenizer.ggml.precompiled_charsmap", list)
            #expect(try file.tokenizer()?.normalizers.first == .characterMap([4, 0, 255], byGrapheme: false))
        }
        var file = TinyModels.llamaGGUF()
        file.set("tokenizer.ggml.model", .string("t5"))
        file.set("tokenizer.ggml.precompiled_charsmap", Self.list(5, [Int32(256)]))
        #expect(refusal { try file.tokenizer() }?.field == "tokenizer.ggml.precompiled_charsmap")
    }

    @Test("A list of equal numbers is that number; one of different numbers is refused by what it says")
    func equalNumbers() throws {
        let expected = try TinyModels.llamaGGUF().model().configuration
        for (key, value) in [
            ("llama.attention.head_count_kv", [1, 1]), ("llama.attention.head_count", [2, 2]),
            ("llama.feed_forward_length", [6, 6]), ("llama.context_length", [16]),
        ] where expected.feedForwardLength == 6 || key != "llama.feed_forward_length" {
            var file = TinyModels.llamaGGUF()
            let same = key == "llama.context_length" ? [expected.contextLength] : value
            file.set(key, .int32s(same.map(Int32.init)))
            #expect(try file.model().configuration == expected)
        }
        var file = TinyModels.llamaGGUF()
        file.set("llama.attention.layer_norm_rms_epsilon", .floats([1e-5, 1e-5]))
        file.set("llama.context_length", .float(Float(expected.contextLength)))
        #expect(try file.model().configuration == expected)
        file.set("llama.attention.head_count_kv", .int32s([1, 2]))
        let error = refusal { try file.model() }
        #expect(error?.field == "llama.attention.head_count_kv" && error?.value == "[1, 2]")
        #expect(error?.code == .unsupported)
        file.set("llama.attention.head_count_kv", .int32s([]))
        #expect(refusal { try file.model() }?.field == "llama.attention.head_count_kv")
    }

    @Test("Which layers slide may be written in ones and zeros; flags, too")
    func flags() throws {
        var file = TinyModels.llamaGGUF()
        file.set("llama.attention.sliding_window", .uint32(4))
        file.set("llama.attention.sliding_window_pattern", .int32s([0, 1]))
        #expect(try file.model().configuration.slidingWindow?.layers == [false, true])
        file.set("llama.attention.sliding_window_pattern", .int32s([0, 1, 1]))
        #expect(refusal { try file.model() }?.field == "llama.attention.sliding_window_pattern")
        file = TinyModels.llamaGGUF()
        file.set("tokenizer.ggml.add_bos_token", .uint32(0))
        #expect(try file.tokenizer()?.prefixTokens == [])
        file.set("tokenizer.ggml.add_bos_token", .uint32(2))
        #expect(refusal { try file.tokenizer() }?.field == "tokenizer.ggml.add_bos_token")
    }

    @Test(
        "An id beyond the vocabulary is not used, and a sentence says so once",
        arguments: ["eos", "bos", "eot", "mask"])
    func idsBeyond(name: String) throws {
        let key = "tokenizer.ggml.\(name)_token_id"
        let before = try TinyModels.llamaGGUF().model()
        for value in [GGUFBuilder.Value.uint32(32_000), .int32(-2), .string("x"), .float(1.5)] {
            var file = TinyModels.llamaGGUF()
            file.set(key, value)
            let model = try file.model()
            #expect(model.generation == before.generation)
            #expect(model.tokenizer?.bos == 1 && model.tokenizer?.eos == 2)
            #expect(model.notices.count == 1)
            #expect(model.notices.first?.description.contains(key) == true)
            #expect(try file.tokenizer()?.notices == model.notices)
        }
        var file = TinyModels.gpt2GGUF()
        file.set("tokenizer.ggml.eos_token_id", .uint32(8))
        #expect(try file.model().tokenizer?.eos == nil)
        file.set("tokenizer.ggml.eos_token_id", .int32(-1))
        #expect(try file.model().notices == [])
    }

    @Test("An answer ends at any of several ids")
    func severalEnds() throws {
        func ends(_ values: (String, GGUFBuilder.Value)...) throws -> [Int] {
            var file = TinyModels.llamaGGUF()
            for (key, value) in values { file.set("tokenizer.ggml." + key, value) }
            return try file.model().generation.eosTokens
        }
        #expect(try ends(("eos_token_ids", .int32s([2, 3]))) == [2, 3])
        #expect(try ends(("eos_token_id", .int32s([5, 6]))) == [5, 6])
        #expect(try ends(("eos_token_ids", Self.list(10, [UInt64(4), 7]))) == [2, 4, 7])
        #expect(try ends(("eos_token_ids", .uint32(6)), ("eot_token_id", .uint32(6))) == [2, 6])
        #expect(try ends(("eos_token_ids", .int32s([3, 99]))) == [2, 3])
    }

    @Test("What a file does not say of its tokenizer is guessed with a sentence")
    func guesses() throws {
        func notices(_ file: GGUFBuilder, without key: String) throws -> [String] {
            var file = file
            file.set(key, nil)
            return try file.model().notices.map(\.description)
        }
        #expect(try TinyModels.gpt2GGUF().model().notices == [])
        #expect(try TinyModels.llamaGGUF().model().notices == [])
        let cut = try notices(TinyModels.gpt2GGUF(), without: "tokenizer.ggml.pre")
        #expect(cut.count == 1 && cut.first?.contains("\"default\"") == true)
        #expect(try notices(TinyModels.gpt2GGUF(), without: "tokenizer.ggml.token_type").count == 1)
        #expect(try notices(TinyModels.llamaGGUF(), without: "tokenizer.ggml.token_type").count == 1)
        #expect(try notices(TinyModels.llamaGGUF(), without: "tokenizer.ggml.scores").count == 1)
        var file = TinyModels.llamaGGUF()
        file.set("tokenizer.ggml.scores", nil)
        guard case .sentencePiece(let scores)? = try file.tokenizer()?.algorithm else { return #expect(Bool(false)) }
        #expect(scores == Array(repeating: 0, count: 8))
    }

    @Test("Fields that nobody needs are not fatal")
    func needless() throws {
        var file = TinyModels.llamaGGUF()
        file.set("general.name", .uint32(7))
        #expect(try file.model().name == "model.gguf")
        file.set("tokenizer.chat_template", .strings(["a"]))
        let model = try file.model()
        #expect(model.chatTemplate == nil)
        #expect(model.notices.first?.description.contains("tokenizer.chat_template") == true)
    }

    @Test("A matrix that is stored once, under the name of the output, is the embedding, too")
    func tied() throws {
        var file = TinyModels.llamaGGUF()
        file.tensors.removeAll { $0.name == "token_embd.weight" }
        let model = try file.model()
        let places = model.tensors.filter { ["token_embd.weight", "output.weight"].contains($0.name) }.map(\.offset)
        #expect(places.count == 2 && Set(places).count == 1)
    }

    @Test("Adapters and classifiers are refused by their names")
    func otherKinds() throws {
        var file = TinyModels.llamaGGUF()
        file.set("general.type", .string("adapter"))
        #expect(refusal { try file.model() }?.problem.contains("LoRA") == true)
        file = TinyModels.llamaGGUF()
        file.tensors.append(
            .init(name: "cls.output.weight", dimensions: [4, 1], data: [UInt8](repeating: 0, count: 16)))
        #expect(refusal { try file.model() }?.problem.contains("classifier") == true)
        file = TinyModels.llamaGGUF()
        file.set("llama.pooling_type", .uint32(4))
        #expect(refusal { try file.model() }?.problem.contains("classifier") == true)
    }
}
