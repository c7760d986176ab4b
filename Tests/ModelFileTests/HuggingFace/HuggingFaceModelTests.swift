// Hugging Face folders: settings, names, weight files, and how each is refused.
import Sequences
import Testing

@testable import ModelFile

@Suite struct HuggingFaceModelTests {
    @Test("A Llama folder becomes a configuration with pairs half a head apart")
    func llama() throws {
        let model = try TinyModels.llamaFolder().model()
        var expected = TinyModels.llamaConfiguration()
        expected.positions = .rotary(.init(base: 10_000, dimensions: 2, pairing: .halves))
        #expect(model.configuration == expected)
        #expect(model.tensors.map(\.name) == TinyModels.requirements(expected).map(\.name))
        #expect(model.tensors.allSatisfy { !$0.isTransposed })
        #expect(model.generation.eosTokens == [2, 3])
        #expect(model.tokenizer == nil)
    }

    @Test("A GPT-2 folder has transposed matrices and a tied head")
    func gpt2() throws {
        let model = try TinyModels.gpt2Folder().model()
        #expect(model.configuration == TinyModels.gpt2Configuration())
        let transposed = Set(model.tensors(of: .layer(1)).filter(\.isTransposed).map(\.name))
        let names = ["attn_qkv", "attn_output", "ffn_up", "ffn_down"].map { "blk.1.\($0).weight" }
        #expect(transposed == Set(names))
        let fused = try #require(model.tensors.first { $0.name == "blk.0.attn_qkv.weight" })
        #expect((fused.rows, fused.columns) == (12, 4))
    }

    @Test("GPT-2 names without prefix are understood, masks are ignored")
    func gpt2WithoutPrefix() throws {
        var folder = try TinyModels.gpt2Folder()
        var file = TinyModels.safetensors(.gpt2, TinyModels.gpt2Configuration())
        for index in file.tensors.indices { file.tensors[index].name.trimPrefix("transformer.") }
        file.tensors.append(.init(name: "h.0.attn.bias", type: "BOOL", shape: [1, 1, 16, 16], bytes: 256))
        file.tensors.append(.init(name: "h.0.attn.masked_bias", shape: [], bytes: 4))
        folder.files["model.safetensors"] = try file.bytes()
        #expect(try folder.model().tensors.count == 28)
    }

    @Test("An untied GPT-2 uses its own output matrix, a tied one ignores it")
    func untied() throws {
        var folder = try TinyModels.gpt2Folder()
        var file = TinyModels.safetensors(.gpt2, TinyModels.gpt2Configuration())
        file.tensors.append(.init(name: "lm_head.weight", shape: [8, 4], bytes: 128))
        folder.files["model.safetensors"] = try file.bytes()
        #expect(try folder.model().tensors.count == 28)
        try folder.set("tie_word_embeddings", false, in: "config.json")
        let model = try folder.model()
        #expect(model.tensors(of: .head).map(\.name).last == "output.weight")
        #expect(model.tensors.count == 29)
    }

    @Test("A Llama folder without an output matrix is tied, unless it says that it is not")
    func tiedLlama() throws {
        var folder = try TinyModels.llamaFolder()
        var file = TinyModels.safetensors(.llama, TinyModels.llamaConfiguration())
        file.tensors.removeAll { $0.name == "lm_head.weight" }
        folder.files["model.safetensors"] = try file.bytes()
        #expect(refusal { try folder.model() }?.field == "tensor lm_head.weight")
        try folder.set("tie_word_embeddings", nil, in: "config.json")
        #expect(try folder.model().configuration.hasTiedEmbeddings)
    }

    @Test("Biases of Llama variants are data")
    func biases() throws {
        var folder = try TinyModels.llamaFolder()
        try folder.set("attention_bias", true, in: "config.json")
        try folder.set("mlp_bias", true, in: "config.json")
        #expect(refusal { try folder.model() }?.field == "tensor model.layers.0.self_attn.q_proj.bias")
        var configuration = TinyModels.llamaConfiguration()
        configuration.hasQueryKeyValueBias = true
        configuration.hasAttentionOutputBias = true
        configuration.hasFeedForwardBias = true
        folder.files["model.safetensors"] = try TinyModels.safetensors(.llama, configuration).bytes()
        #expect(try folder.model().tensors.count == 21 + 2 * 7)
    }

    @Test("Both spellings of rotary scaling are read")
    func rotaryScaling() throws {
        let llama3: [String: Any] = [
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        ]
        func rotary(_ name: String, _ value: [String: Any]) throws -> RotaryConfiguration? {
            var folder = try TinyModels.llamaFolder()
            try folder.set(name, value, in: "config.json")
            guard case .rotary(let rotary) = try folder.model().configuration.positions else { return nil }
            return rotary
        }
        let expected = RotaryConfiguration.Scaling.llama3(
            factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192)
        #expect(try rotary("rope_scaling", llama3)?.scaling == expected)
        #expect(try rotary("rope_scaling", llama3)?.base == 10_000)
        let newer = try rotary("rope_parameters", llama3.merging(["rope_theta": 500_000.0]) { $1 })
        #expect(newer?.scaling == expected)
        #expect(newer?.base == 500_000)
        #expect(try rotary("rope_scaling", ["type": "linear", "factor": 2])?.scaling == .linear(factor: 2))
        #expect(try rotary("rope_parameters", ["rope_type": "default"])?.scaling == RotaryConfiguration.Scaling.none)
        #expect(refusal { try rotary("rope_scaling", ["type": "mrope", "factor": 2]) }?.value == "\"mrope\"")
        #expect(
            refusal { try rotary("rope_scaling", ["type": "linear"]) }?.field == "rotary scaling factor")
        let reversed = llama3.merging(["low_freq_factor": 4.0, "high_freq_factor": 1.0]) { $1 }
        #expect(refusal { try rotary("rope_scaling", reversed) }?.code == .invalidValue)
    }

    @Test(
        "What is not supported is refused with field and value",
        arguments: [
            ("model_type", "bert"), ("hidden_act", "gelu"), ("quantization_config", ["bits": 4]),
            ("num_hidden_layers", 0), ("num_hidden_layers", 10_001), ("num_hidden_layers", 1),
            ("num_attention_heads", 3), ("num_attention_heads", -2), ("num_key_value_heads", 0),
            ("num_key_value_heads", 4), ("head_dim", 0), ("head_dim", Int.max), ("hidden_size", Int.max),
            ("intermediate_size", -1), ("vocab_size", 0), ("vocab_size", 9), ("rms_norm_eps", 0),
            ("rms_norm_eps", 1e300), ("rope_theta", -1.0), ("max_position_embeddings", 0), ("hidden_size", "4"),
        ] as [(String, any Sendable)])
    func impossibleSettings(field: String, value: any Sendable) throws {
        var folder = try TinyModels.llamaFolder()
        try folder.set(field, value, in: "config.json")
        #expect(refusal { try folder.model() }?.field != nil)
    }

    @Test("An architecture that is not supported is named even where no weights are")
    func unsupportedArchitecture() throws {
        var folder = try TinyModels.llamaFolder()
        try folder.set("model_type", "mamba", in: "config.json")
        folder.files = folder.files.filter { $0.key == "config.json" }
        let error = refusal { try folder.model() }
        #expect(error?.field == "model_type")
        #expect(error?.description.contains("\"mamba\"") == true && error?.hint != nil)
    }

    @Test(
        "GPT-2 variants with other arithmetic are refused by name",
        arguments: [
            ("activation_function", "relu"), ("activation_function", "quick_gelu"), ("add_cross_attention", true),
        ] as [(String, any Sendable)])
    func gpt2Variants(field: String, value: any Sendable) throws {
        var folder = try TinyModels.gpt2Folder()
        try folder.set(field, value, in: "config.json")
        let error = refusal { try folder.model() }
        #expect(error?.code == .unsupported)
        #expect(error?.field == field)
    }

    @Test("Weights in several files are found by the index")
    func sharded() throws {
        let model = try TinyModels.shardedFolder().model()
        #expect(model.fileNames.count == 2)
        #expect(Set(model.tensors.map(\.file)) == [0, 1])
        var bytes = [UInt8](repeating: 0, count: 3)
        let tensor = model.tensors[5]
        try bytes.withUnsafeMutableBytes { try model.read(tensor, at: 1, into: $0) }
        #expect(bytes[1] == UInt8((Int(bytes[0]) + 1) % 251))
        let fromOnePart = try TinyModels.shardedFolder().model(weights: "model-00002-of-00002.safetensors")
        #expect(fromOnePart.tensors == model.tensors)
    }

    @Test("An index that names other folders, missing files or absent tensors is refused")
    func badIndex() throws {
        var folder = try TinyModels.shardedFolder()
        folder.files["model-00002-of-00002.safetensors"] = nil  // with both parts the weights are complete
        func error(_ map: [String: Any]) -> ModelFileError? {
            var folder = folder
            return refusal {
                folder.files["model.safetensors.index.json"] = try jsonBytes(["weight_map": map])
                return try folder.model()
            }
        }
        let name = "model-00001-of-00002.safetensors"
        #expect(error(["a": "../secret.safetensors"])?.value == "../secret.safetensors")
        #expect(error(["a": "/etc/passwd"])?.code == .invalidValue)
        #expect(error(["a": ".."])?.code == .invalidValue)
        #expect(error(["a": "absent.safetensors"])?.code == .missing)
        #expect(error(["a": name])?.code == .mismatch)
        #expect(error(["a": 1])?.code == .malformed)
        #expect(error([:])?.code == .invalidValue)
    }

    @Test("One file of any name serves as weights; several need an index or a choice")
    func weightFiles() throws {
        var folder = try TinyModels.llamaFolder()
        folder.files["tiny.safetensors"] = folder.files["model.safetensors"]
        folder.files["model.safetensors"] = nil
        #expect(try folder.model().fileNames == ["folder/tiny.safetensors"])
        folder.files["other.safetensors"] = folder.files["tiny.safetensors"]
        #expect(refusal { try folder.model() }?.problem.contains("2 other weight files") == true)
        #expect(try folder.model(weights: "other.safetensors").fileNames == ["folder/other.safetensors"])
        folder.files["tiny.safetensors"] = nil
        folder.files["other.safetensors"] = nil
        #expect(refusal { try folder.model() }?.code == .missing)
    }

    @Test("A folder without config.json is refused with a hint")
    func noConfiguration() throws {
        let folder = MemoryFolder(files: ["a.gguf": []])
        #expect(refusal { try folder.model() }?.hint?.description.contains("a.gguf") == true)
        #expect(refusal { try MemoryFolder().model() }?.field == "config.json")
    }

    @Test("Generation settings come from generation_config.json, then from config.json")
    func generation() throws {
        var folder = try TinyModels.llamaFolder()
        folder.files["generation_config.json"] = Array(
            #"{"eos_token_id": 5, "temperature": 0.5, "top_k": 40, "top_p": 0.7, "repetition_penalty": 1.1}"#.utf8)
        let generation = try folder.model().generation
        #expect(generation.eosTokens == [5])
        #expect(generation.bosToken == 1)
        #expect(generation.sampling.temperature == 0.5)
        #expect(generation.sampling.topK == 40)
        #expect(generation.sampling.topP == 0.7)
        #expect(generation.sampling.repeatPenalty == 1.1)
        #expect(generation.sampling.minP == nil)
        try folder.set("eos_token_id", [3, 50_256, 3], in: "generation_config.json")
        #expect(try folder.model().generation.eosTokens == [3])
    }

    @Test("The chat template is found in either file")
    func chatTemplate() throws {
        var folder = try TinyModels.llamaFolder()
        #expect(try folder.model().chatTemplate == nil)
        folder.files["tokenizer_config.json"] = Array(#"{"chat_template": "one"}"#.utf8)
        #expect(try folder.model().chatTemplate == "one")
        #expect(try folder.model().toolTemplate == nil)
        let named = [["name": "tool_use", "template": "t"], ["name": "default", "template": "two"]]
        try folder.set("chat_template", named, in: "tokenizer_config.json")
        #expect(try folder.model().chatTemplate == "two")
        #expect(try folder.model().toolTemplate == "t")
        folder.files["chat_template.jinja"] = Array("three".utf8)
        #expect(try folder.model().chatTemplate == "three")
    }
}
