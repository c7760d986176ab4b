// Numbers, flags and ids of GGUF metadata in every type that a writer may choose, and what none may hold.
import Sequences
import Testing

@testable import ModelFile

@Suite("Types of GGUF metadata")
struct GGUFScalarTests {
    /// A way to write a whole number.
    struct Form: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var write: @Sendable (Int) -> GGUFBuilder.Value
    }

    private static func raw(_ type: UInt32, _ bytes: [UInt8]) -> GGUFBuilder.Value { .raw(type: type, bytes: bytes) }

    /// A list of one type of numbers.
    private static func list(_ type: UInt32, _ values: [[UInt8]]) -> GGUFBuilder.Value {
        raw(9, littleEndian(type) + littleEndian(UInt64(values.count)) + values.flatMap { $0 })
    }

    static let forms: [Form] = [
        Form(testDescription: "uint8") { raw(0, [UInt8($0)]) },
        Form(testDescription: "int8") { raw(1, littleEndian(Int8($0))) },
        Form(testDescription: "uint16") { raw(2, littleEndian(UInt16($0))) },
        Form(testDescription: "int16") { raw(3, littleEndian(Int16($0))) },
        Form(testDescription: "uint32") { .uint32(UInt32($0)) },
        Form(testDescription: "int32") { .int32(Int32($0)) },
        Form(testDescription: "float32") { .float(Float($0)) },
        Form(testDescription: "uint64") { .uint64(UInt64($0)) },
        Form(testDescription: "int64") { raw(11, littleEndian(Int64($0))) },
        Form(testDescription: "float64") { raw(12, littleEndian(Double($0).bitPattern)) },
        Form(testDescription: "list of one uint16") { list(2, [littleEndian(UInt16($0))]) },
        Form(testDescription: "list of two int64") { list(11, [littleEndian(Int64($0)), littleEndian(Int64($0))]) },
        Form(testDescription: "list of two float64") { number in
            list(12, [Double](repeating: Double(number), count: 2).map { littleEndian($0.bitPattern) })
        },
    ]

    private static let sizes: [(key: String, value: Int)] = [
        ("llama.block_count", 2), ("llama.context_length", TinyModels.context),
        ("llama.embedding_length", TinyModels.embedding), ("llama.feed_forward_length", TinyModels.feedForward),
        ("llama.attention.head_count", 2), ("llama.attention.head_count_kv", 1),
        ("llama.rope.dimension_count", 2), ("llama.attention.key_length", 2), ("llama.attention.value_length", 2),
        ("llama.vocab_size", TinyModels.vocabulary), ("llama.expert_count", 0), ("llama.rope.freq_base", 10_000),
        ("general.alignment", 32),
    ]

    @Test("Sizes may be of every type of numbers, and lists of equal ones", arguments: forms)
    func sizes(form: Form) throws {
        let expected = try TinyModels.llamaGGUF().model()
        for (key, value) in Self.sizes where value < 128 || !form.testDescription.contains("int8") {
            var file = TinyModels.llamaGGUF()
            file.set(key, form.write(value))
            let model = try file.model()
            #expect(model.configuration == expected.configuration, "\(key)")
            #expect(model.notices == [], "\(key)")
        }
    }

    @Test("Special ids and flags may be of every type of numbers", arguments: forms)
    func ids(form: Form) throws {
        for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
            var file = TinyModels.llamaGGUF()
            file.set(key, form.write(5))
            let model = try file.model()
            #expect(model.generation.eosTokens.contains(5) && model.notices == [], "\(key)")
        }
        for (flag, prefix) in [(0, []), (1, [1])] {
            var file = TinyModels.llamaGGUF()
            file.set("tokenizer.ggml.add_bos_token", form.write(flag))
            #expect(try file.tokenizer()?.prefixTokens == prefix)
        }
    }

    @Test(
        "What is no size is refused by the name of its key, and never a trap",
        arguments: [
            ("a text", GGUFBuilder.Value.string("2")), ("true", .bool(true)), ("negative", .int32(-2)),
            ("zero", .uint32(0)), ("a fraction", .float(2.5)), ("NaN", .float(.nan)), ("infinity", .float(.infinity)),
            ("2^64 - 1", .uint64(.max)), ("beyond", .raw(type: 12, bytes: littleEndian(1e300.bitPattern))),
            ("2^63", .raw(type: 12, bytes: littleEndian(0x1p63.bitPattern))), ("texts", .strings(["2"])),
            ("an empty list", .int32s([])), ("another for each layer", .int32s([1, 2])),
        ])
    func noSize(name: String, value: GGUFBuilder.Value) throws {
        for key in [
            "llama.block_count", "llama.context_length", "llama.embedding_length", "llama.feed_forward_length",
            "llama.attention.head_count",
        ] {
            var file = TinyModels.llamaGGUF()
            file.set(key, value)
            let error = refusal { try file.model() }
            #expect(error?.problem.isEmpty == false, "\(key) \(name)")
        }
    }

    @Test(
        "Ids that are no tokens are not used, of every name and kind",
        arguments: ["bos", "eos", "eot", "eom", "mask", "unknown", "padding", "seperator", "cls", "fim_pre"])
    func noTokens(name: String) throws {
        let before = try TinyModels.llamaGGUF().model()
        for value: GGUFBuilder.Value in [
            .uint32(32_000), .int32(-1), .int32(-7), .uint64(.max), .float(.nan), .float(1.5), .bool(true),
            .string("2"), .strings(["2"]), .int32s([]), .raw(type: 12, bytes: littleEndian(1e300.bitPattern)),
        ] {
            var file = TinyModels.llamaGGUF()
            file.set("tokenizer.ggml.\(name)_token_id", value)
            let model = try file.model()
            #expect(model.configuration == before.configuration)
            #expect(model.generation.eosTokens.allSatisfy { (0..<8).contains($0) }, "\(value)")
            #expect(model.notices.count <= 1)
        }
    }

    @Test("A type of a token that is not known is named with the token")
    func tokenTypes() throws {
        for (value, shown) in [(Int32(9), "9"), (-1, "-1")] {
            var file = TinyModels.llamaGGUF()
            file.set("tokenizer.ggml.token_type", .int32s([2, 3, 3, 6, 1, value, 1, 1]))
            let error = refusal { try file.tokenizer() }
            #expect(error?.value == "\(shown) for token 5")
        }
        var file = TinyModels.llamaGGUF()
        file.set("tokenizer.ggml.token_type", .int32s([]))
        #expect(refusal { try file.tokenizer() }?.value == "0 numbers")
    }

    @Test("A template of nothing but white space is none, with a sentence", arguments: ["", " \n\t", "\u{3000}"])
    func emptyTemplates(text: String) throws {
        var file = TinyModels.llamaGGUF()
        file.set("tokenizer.chat_template", .string(text))
        let model = try file.model()
        #expect(model.chatTemplate == nil && model.notices.count == 1)
        #expect(model.notices.first?.description.contains("tokenizer.chat_template") == true)
    }

    @Test("An unknown family is told in one short sentence, with the one that may be meant")
    func families() throws {
        for (name, meant) in [
            ("lama", "llama"), ("Llama", "llama"), ("qwenn3", "qwen3"), ("zorp", nil),
            (String(repeating: "x", count: 100_000), nil),
        ] {
            var file = TinyModels.llamaGGUF()
            file.set("general.architecture", .string(name))
            let error = refusal { try file.model() }
            #expect(error?.code == .unsupported && error?.field == "general.architecture" && error?.hint != nil)
            #expect((error?.description.utf8.count ?? 0) < 400)
            #expect(meant.map { error?.problem.contains("Did you mean \"\($0)\"") == true } ?? true)
        }
    }
}
