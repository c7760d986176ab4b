// What config.json and GGUF metadata of the older families say, in the spellings in which models are published; what they
// may not say; and the rows of queries, keys and values that stand group by group.
import Foundation
import Testing

@testable import ModelFile

@Suite("Configurations of the older families")
struct ClassicConfigurationTests {
    private static let sizes: [String: any Sendable] = [
        "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 48, "vocab_size": 99,
        "max_position_embeddings": 128,
    ]
    private static let gpt2: [String: any Sendable] = ["n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 99]
    private static let gptNeo: [String: any Sendable] = [
        "hidden_size": 32, "num_layers": 4, "num_heads": 4, "vocab_size": 99, "max_position_embeddings": 128,
        "attention_types": [[["global", "local"], 2] as [any Sendable]],
    ]

    private func read(_ type: String, _ fields: [String: Any] = [:]) throws -> ModelConfiguration {
        let sizes = ["gpt2": Self.gpt2, "gpt_neo": Self.gptNeo][type] ?? Self.sizes
        let all = (sizes as [String: Any]).merging(["model_type": type]) { $1 }.merging(fields) { $1 }
        return try HuggingFaceModel(MemoryFolder(files: ["config.json": jsonBytes(all)])).configuration([:])
    }

    private func rotary(_ configuration: ModelConfiguration) throws -> RotaryConfiguration {
        guard case .rotary(let rotary) = configuration.positions else { throw CancellationError() }
        return rotary
    }

    @Test("Activations: every name of both forms of GELU, and no other")
    func activations() throws {
        for name in ["gelu", "gelu_python"] {
            #expect(try read("gpt2", ["activation_function": name]).activation == .gelu)
            #expect(try read("phi", ["hidden_act": name]).activation == .gelu)
        }
        for name in ["gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh"] {
            #expect(try read("gpt_neox", ["hidden_act": name]).activation == .geluTanh)
        }
        #expect(try read("gpt2").activation == .geluTanh && read("gpt_neo").activation == .geluTanh)
        #expect(try read("gpt_neox").activation == .gelu && read("phi").activation == .geluTanh)
        #expect(refusal { try read("gpt2", ["activation_function": "relu"]) }?.field == "activation_function")
        #expect(refusal { try read("gpt_neox", ["hidden_act": "silu"]) }?.field == "hidden_act")
    }

    @Test("GPT-2's scores: by the head size, by the number of the layer, or as they are")
    func scales() throws {
        let plain = try read("gpt2")
        #expect(plain.attentionScale(layer: 1) == 1 / Float(8).squareRoot())
        let both = try read("gpt2", ["scale_attn_weights": false, "scale_attn_by_inverse_layer_idx": true])
        #expect(both.attentionScale(layer: 0) == 1 && both.attentionScale(layer: 1) == 0.5)
        #expect(refusal { try both.ggufFields(name: "x") }?.field == "attention scale")
        let unscaled = try read("gpt2", ["scale_attn_weights": false])
        #expect(refusal { try unscaled.ggufFields(name: "x") }?.field == "attention scale")
        #expect(try plain.ggufFields(name: "x").allSatisfy { !$0.key.hasSuffix("hidden_activation") })
    }

    @Test("Cerebras-GPT reads as it is published")
    func cerebras() throws {
        let published: [String: Any] = [
            "activation_function": "gelu", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.0,
            "scale_attn_weights": true, "resid_pdrop": 0.0, "n_inner": 3072, "n_embd": 768,
            "layer_norm_epsilon": 1e-05, "n_positions": 2048, "n_layer": 10, "n_head": 12, "vocab_size": 50257,
            "embd_pdrop": 0.0, "use_cache": true,
        ]
        let model = try read("gpt2", published)
        #expect(model.activation == .gelu && model.feedForwardLength == 3072 && model.contextLength == 2048)
        #expect(model.hasTiedEmbeddings && model.attentionScale == nil && !model.hasInverseLayerScale)
        #expect(try model.ggufFields(name: "x").contains { $0.key == "gpt2.hidden_activation" })
    }

    @Test("Phi: shares of heads in both spellings, one norm, a bias on the output matrix")
    func phi() throws {
        let model = try read("phi", ["partial_rotary_factor": 0.4, "tie_word_embeddings": false, "head_dim": 80])
        #expect(try rotary(model).dimensions == 32)
        #expect(model.hasParallelResidual && model.hasSharedNorm && model.hasOutputBias)
        let names = model.tensors(of: .head).map(\.name)
        #expect(names == ["output_norm.weight", "output_norm.bias", "output.weight", "output.bias"])
        #expect(model.tensors(of: .layer(0)).allSatisfy { !$0.name.contains("ffn_norm") })
        #expect(try rotary(read("phi")).dimensions == 4)
        let newer: [String: Any] = ["rope_parameters": ["partial_rotary_factor": 0.75, "rope_theta": 500]]
        #expect(try rotary(read("phi", newer)).dimensions == 6 && rotary(read("phi", newer)).base == 500)
        #expect(refusal { try read("phi", ["qk_layernorm": true]) }?.field == "qk_layernorm")
        #expect(refusal { try read("phi", ["partial_rotary_factor": 0]) }?.code == .invalidValue)
    }

    @Test("GPT-NeoX: rotary_pct and rotary_emb_base, both forms of the residual, biases or none")
    func gptNeoX() throws {
        let pythia: [String: Any] = ["rotary_pct": 0.5, "rotary_emb_base": 5000, "use_parallel_residual": true]
        let model = try read("gpt_neox", pythia)
        #expect(try rotary(model).dimensions == 4 && rotary(model).base == 5000)
        #expect(model.hasParallelResidual && !model.hasSharedNorm && model.hasQueryKeyValueBias)
        #expect(!model.hasOutputBias && model.hasTiedEmbeddings)  // no output matrix is there
        #expect(try rotary(read("gpt_neox")).dimensions == 2)
        let newer: [String: Any] = [
            "rope_parameters": ["partial_rotary_factor": 1.0, "rope_theta": 500, "rope_type": "default"],
            "attention_bias": false, "use_parallel_residual": false, "tie_word_embeddings": false,
        ]
        let sequential = try read("gpt_neox", newer)
        #expect(try rotary(sequential).dimensions == 8 && rotary(sequential).base == 500)
        #expect(!sequential.hasParallelResidual && !sequential.hasQueryKeyValueBias && sequential.hasFeedForwardBias)
        #expect(!sequential.hasTiedEmbeddings)
        let fields = try sequential.ggufFields(name: "x")
        #expect(fields.contains { $0.key == "gptneox.use_parallel_residual" })
    }

    @Test("GPT-Neo: kinds of layers as they follow each other, and no GGUF file")
    func gptNeo() throws {
        let model = try read("gpt_neo")
        #expect(model.slidingWindow == .init(length: 256, layers: [false, true, false, true]))
        #expect(model.attentionScale == 1 && !model.hasQueryKeyValueBias && model.hasAttentionOutputBias)
        #expect(model.feedForwardLength == 128 && model.hasTiedEmbeddings && !model.hasFusedQueryKeyValue)
        #expect(refusal { try model.ggufFields(name: "x") }?.field == "architecture")
        let global: [Any] = [[["global"], 4] as [Any]]
        #expect(try read("gpt_neo", ["attention_types": global]).slidingWindow == nil)
        #expect(try read("gpt_neo", ["attention_types": NSNull()]).slidingWindow?.layers == [false, true, false, true])
        for (times, kinds) in [(1, ["global"]), (Int.max, ["local"]), (Int.min, ["local"]), (4, [])] {
            let types: [Any] = [[kinds, times] as [Any]]
            #expect(refusal { try read("gpt_neo", ["attention_types": types]) }?.code == .mismatch)
        }
        let other: [Any] = [[["flash"], 4] as [Any]]
        #expect(refusal { try read("gpt_neo", ["attention_types": other]) }?.value == "\"flash\"")
        #expect(refusal { try read("gpt_neo", ["attention_types": [3]]) }?.code == .malformed)
        var file = GGUFBuilder()
        file.metadata = [("general.architecture", .string("gptneo"))]
        let bytes = file.bytes
        let error = refusal {
            try GGUFModel(MemoryFile(name: "a.gguf", content: bytes), in: MemoryFolder()).configuration()
        }
        #expect(error?.field == "general.architecture" && error?.problem.contains("gptneox") == true)
        #expect(error?.problem.contains("gptneo,") == false)
    }

    @Test("InternLM 2: biases unless config.json says none, dynamic scaling as it is published")
    func internlm2() throws {
        let published: [String: Any] = [
            "bias": false, "num_key_value_heads": 2, "rope_scaling": ["type": "dynamic", "factor": 2.0],
            "rope_theta": 1_000_000, "tie_word_embeddings": false, "hidden_act": "silu", "rms_norm_eps": 1e-5,
        ]
        let model = try read("internlm2", published)
        #expect(!model.hasQueryKeyValueBias && model.keyValueHeadCount == 2 && !model.hasFusedQueryKeyValue)
        #expect(try rotary(model).scaling == .dynamic(factor: 2, originalContextLength: 128))
        #expect(try read("internlm2").hasQueryKeyValueBias && read("internlm2").hasAttentionOutputBias)
    }

    @Test("Heads that stand group by group are found and read at any offset", arguments: [1, 7, 64, 100_000])
    func groupedHeads(pieces: Int) throws {
        let configuration = ModelConfiguration.llama(
            layerCount: 1, embeddingLength: 6, headCount: 6, keyValueHeadCount: 2, headSize: 3, feedForwardLength: 4,
            vocabularySize: 8, contextLength: 16, epsilon: 1e-5,
            rotary: RotaryConfiguration(base: 10_000, dimensions: 2, pairing: .halves), hasTiedEmbeddings: true)
        var files = ExpertTensorTests.Files()
        files.add("before", "F32", [3])
        files.add("model.layers.0.attention.wqkv.weight", "F32", [30, 6])
        files.add("model.layers.0.attention.wqkv.bias", "BF16", [30])
        var stored = files.stored
        stored["model.tok_embeddings.weight"] = stored["before"]
        let grouped = GroupedHeads(
            configuration: configuration, naming: .huggingFace(.internlm2, tensors: stored), stored: stored,
            mainFile: "f")
        // [2 groups][3 query heads, key, value]
        let places = ["attn_q": [0, 1, 2, 5, 6, 7], "attn_k": [3, 8], "attn_v": [4, 9]]
            .merging(["attn_qkv": [0, 1, 2, 5, 6, 7, 3, 8, 4, 9]]) { $1 }
        for (name, heads) in places {
            for (kind, width, start) in [("weight", 3 * 6 * 4, 12), ("bias", 3 * 2, 12 + 720)] {
                let requirement = TensorRequirement(
                    name: "blk.0.\(name).\(kind)", rows: kind == "bias" ? 1 : heads.count * 3,
                    columns: kind == "bias" ? heads.count * 3 : 6)
                let found = try #require(try grouped.find(requirement))
                try found.tensor.validate()
                let expected = heads.flatMap { files.content[start + $0 * width..<start + ($0 + 1) * width] }
                #expect(try files.read(found, pieces: pieces) == expected, "\(name).\(kind)")
            }
        }
        #expect(try grouped.find(TensorRequirement(name: "blk.0.attn_output.weight", rows: 6, columns: 18)) == nil)
        let other = TensorRequirement(name: "blk.1.attn_q.weight", rows: 18, columns: 6)
        #expect(refusal { try grouped.find(other) }?.code == .missing)
        let narrow = TensorRequirement(name: "blk.0.attn_q.weight", rows: 18, columns: 5)
        #expect(refusal { try grouped.find(narrow) }?.code == .mismatch)
    }
}
