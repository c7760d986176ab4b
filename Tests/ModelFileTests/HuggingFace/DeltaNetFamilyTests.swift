// Families with gated delta nets as files say them: sound ones, variants that are not computed, and spoiled files.
import Foundation
import Testing

@testable import ModelFile

@Suite struct DeltaNetFamilyTests {
    private static let text: [String: any Sendable] = [
        "model_type": "qwen3_5_text", "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 48, "vocab_size": 8,
        "max_position_embeddings": 64, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
        "linear_key_head_dim": 8, "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4,
        "tie_word_embeddings": true,
    ]

    private func read(_ fields: [String: Any] = [:]) throws -> ModelConfiguration {
        let all = (Self.text as [String: Any]).merging(fields) { $1 }
        return try HuggingFaceModel(MemoryFolder(files: ["config.json": jsonBytes(all)])).configuration([:])
    }

    /// A GGUF file of that model, as llama.cpp's converter writes it.
    private static func gguf() throws -> GGUFBuilder {
        let settings = try jsonBytes(text as [String: Any])
        let configuration = try HuggingFaceModel(MemoryFolder(files: ["config.json": settings])).configuration([:])
        var file = TinyModels.llamaGGUF()
        file.set("general.architecture", .string("qwen35"))
        for (key, value) in [
            ("block_count", 4), ("context_length", 64), ("embedding_length", 32), ("feed_forward_length", 48),
            ("attention.head_count", 2), ("attention.head_count_kv", 1), ("attention.key_length", 16),
            ("ssm.conv_kernel", 4), ("ssm.state_size", 8), ("ssm.group_count", 2), ("ssm.time_step_rank", 4),
            ("ssm.inner_size", 32), ("full_attention_interval", 4), ("rope.dimension_count", 4),
        ] as [(String, UInt32)] { file.set("qwen35.\(key)", .uint32(value)) }
        file.set("qwen35.attention.layer_norm_rms_epsilon", .float(1e-6))
        let naming = TensorNaming.gguf(.qwen35)
        file.tensors = TinyModels.requirements(configuration).map { requirement in
            let shape = requirement.rows == 1 ? [requirement.columns] : [requirement.rows, requirement.columns]
            return .init(
                name: naming.stored(requirement.name).name, dimensions: shape.reversed().map(UInt64.init),
                data: [UInt8](repeating: 1, count: shape.reduce(4, *)))
        }
        return file
    }

    private static func open(_ file: GGUFBuilder) throws -> Model {
        try Model(GGUFModel(MemoryFile(name: "model.gguf", content: file.bytes), in: MemoryFolder()))
    }

    @Test("Layers: the listed ones, or all but every fourth or so")
    func layers() throws {
        #expect(try read().deltaNet?.layers == [true, true, true, false])
        #expect(try read(["full_attention_interval": 3]).deltaNet?.layers == [true, true, false, true])
        let types = ["linear_attention", "full_attention", "full_attention", "linear_attention"]
        #expect(try read(["layer_types": types]).deltaNet?.layers == [true, false, false, true])
        #expect(refusal { try read(["full_attention_interval": 0]) }?.field == "full_attention_interval")
        let sliding = ["sliding_attention", "full_attention", "full_attention", "linear_attention"]
        #expect(refusal { try read(["layer_types": sliding]) }?.field == "layer_types")
        #expect(refusal { try read(["layer_types": ["linear_attention"]]) }?.code == .mismatch)
    }

    @Test("What is said outside of the part for text, and in older and newer spellings")
    func spellings() throws {
        let outer = try read([
            "model_type": "qwen3_5", "tie_word_embeddings": false, "text_config": Self.text as [String: Any],
        ])
        #expect(!outer.hasTiedEmbeddings && outer.deltaNet?.valueHeadCount == 4)
        guard case .rotary(let absent) = try read().positions,
            case .rotary(let older) = try read(["partial_rotary_factor": 0.5, "rope_theta": 7]).positions,
            case .rotary(let newer) = try read([
                "rope_parameters": [
                    "rope_type": "default", "rope_theta": 9, "partial_rotary_factor": 0.75, "mrope_section": [1, 1, 0],
                ]
            ]).positions
        else {
            Issue.record("no rotary positions")
            return
        }
        #expect((absent.dimensions, older.dimensions, newer.dimensions) == (4, 8, 12))
        #expect((older.base, newer.base) == (7, 9))
        #expect(refusal { try read(["attn_output_gate": false]) }?.field == "attn_output_gate")
        #expect(refusal { try read(["hidden_act": "gelu"]) }?.field == "hidden_act")
    }

    @Test("Sizes that do not fit each other are refused")
    func sizes() throws {
        for (field, value) in [
            ("linear_num_value_heads", 3), ("linear_num_value_heads", 0), ("linear_num_key_heads", -1),
            ("linear_key_head_dim", 1 << 20), ("linear_conv_kernel_dim", 33), ("linear_conv_kernel_dim", 0),
        ] { #expect(refusal { try read([field: value]) }?.code == .invalidValue, "\(field) \(value)") }
        // Together too large.
        let large = [
            "linear_num_value_heads": 1 << 16, "linear_key_head_dim": 1 << 14, "linear_value_head_dim": 1 << 14,
        ]
        #expect(refusal { try read(large) }?.field == "delta net state elements of all layers")
        var configuration = try read()
        configuration.deltaNet?.layers.removeLast()
        let short = configuration
        #expect(refusal { try short.validate() }?.field == "layers of delta nets")
        configuration = try read()
        configuration.hasFusedQueryKeyValue = true
        let fused = configuration
        #expect(refusal { try fused.validate() }?.field == "fused queries, keys and values")
    }

    @Test("GGUF files become configurations and tensors; layers that only guess further tokens are left out")
    func gguf() throws {
        var file = try Self.gguf()
        let model = try Self.open(file)
        #expect(model.configuration.deltaNet?.layers == [true, true, true, false])
        #expect(model.configuration.deltaNet?.headOrder == .inTurn)
        #expect(model.tensors.map(\.name) == TinyModels.requirements(model.configuration).map(\.name))
        file.set("qwen35.block_count", .uint32(5))
        file.tensors.append(
            .init(name: "blk.4.nextn.eh_proj.weight", dimensions: [64, 32], data: [UInt8](repeating: 1, count: 8192)))
        #expect(refusal { try Self.open(file) } != nil)
        file.set("qwen35.nextn_predict_layers", .uint32(1))
        #expect(try Self.open(file).configuration == model.configuration)
        #expect(try Self.open(file).tensors.map(\.name) == model.tensors.map(\.name))
        file.set("qwen35.nextn_predict_layers", .uint32(5))
        #expect(refusal { try Self.open(file) }?.field == "qwen35.nextn_predict_layers")
        file = try Self.gguf()
        file.set("qwen35.ssm.inner_size", .uint32(30))
        #expect(refusal { try Self.open(file) }?.field == "qwen35.ssm.inner_size")
    }

    /// Of llama.cpp's own converter's making, but for the values that it cannot keep in BF16.
    @Test("A folder becomes the tensors and fields that llama.cpp's converter makes of it")
    func conversion() throws {
        let folder = Place.fixture("families/qwen3_5")
        let conversion = try GGUFConversion(path: folder, mix: .bf16, requantizing: false)
        guard case .gguf(let source, let siblings) = try Location(path: folder + "/model.gguf") else { return }
        let file = try GGUFModel(source, in: siblings)
        #expect(Set(conversion.writer.tensors.map(\.name)) == Set(file.tensors.keys))
        for tensor in conversion.writer.tensors {
            let stored = try #require(file.tensors[tensor.name])
            #expect(stored.type == tensor.type && stored.shape == tensor.shape, "\(tensor.name)")
        }
        let keys = Set(conversion.writer.fields.map(\.key))
        for key in file.metadata.values.keys where key.hasPrefix("qwen35.") && !key.hasSuffix("interval") {
            #expect(keys.contains(key), "\(key)")
        }
        let uneven = refusal {
            try GGUFConversion(path: Place.fixture("families/qwen3_5-text"), mix: .bf16, requantizing: false)
        }
        #expect(uneven?.field == "delta net value size")
    }

    @Test("10,000 spoiled GGUF files open or are refused")
    func mutations() throws {
        let bytes = try Self.gguf().bytes
        let header = bytes.count - (try Self.gguf().tensors.reduce(0) { $0 + ($1.data.count + 31) / 32 * 32 })
        let counts = try MutationRun.run(10_000, firstSeed: 8_000_000) { mutator in
            let spoiled = mutator.below(4) == 0 ? bytes : Array(bytes[..<header])
            let content = mutator.binary(spoiled) + (spoiled.count == header ? Array(bytes[header...]) : [])
            try MutationRun.use(Model(GGUFModel(MemoryFile(name: "model.gguf", content: content), in: MemoryFolder())))
        }
        #expect(counts.opened > 100 && counts.refused > 1000)
    }
}
