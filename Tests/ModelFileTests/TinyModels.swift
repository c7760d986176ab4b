// Tiny sound models in every format, to be spoiled by tests.
import Foundation

@testable import ModelFile

enum TinyModels {
    static let embedding = 4
    static let feedForward = 6
    static let vocabulary = 8
    static let context = 16

    /// Llama with 2 layers, 2 heads of 2, 1 key/value head.
    static func llamaConfiguration(layers: Int = 2) -> ModelConfiguration {
        .llama(
            layerCount: layers, embeddingLength: embedding, headCount: 2, keyValueHeadCount: 1, headSize: 2,
            feedForwardLength: feedForward, vocabularySize: vocabulary, contextLength: context, epsilon: 1e-5,
            rotary: RotaryConfiguration(base: 10_000, dimensions: 2, pairing: .interleaved), hasTiedEmbeddings: false)
    }

    static func gpt2Configuration() -> ModelConfiguration {
        .gpt2(
            layerCount: 2, embeddingLength: embedding, headCount: 2, headSize: 2, feedForwardLength: feedForward,
            vocabularySize: vocabulary, contextLength: context, epsilon: 1e-5, hasTiedEmbeddings: true)
    }

    static func requirements(_ configuration: ModelConfiguration) -> [TensorRequirement] {
        var seen = Set<String>()
        return configuration.parts(ofLayers: 0..<configuration.layerCount)
            .flatMap(configuration.tensors(of:)).filter { seen.insert($0.name).inserted }
    }

    // MARK: GGUF

    static func llamaGGUF() -> GGUFBuilder {
        var file = GGUFBuilder()
        file.metadata = [
            ("general.architecture", .string("llama")), ("general.name", .string("tiny")),
            ("llama.block_count", .uint32(2)), ("llama.context_length", .uint32(UInt32(context))),
            ("llama.embedding_length", .uint32(UInt32(embedding))),
            ("llama.feed_forward_length", .uint32(UInt32(feedForward))),
            ("llama.attention.head_count", .uint32(2)), ("llama.attention.head_count_kv", .uint32(1)),
            ("llama.attention.layer_norm_rms_epsilon", .float(1e-5)),
            ("tokenizer.ggml.model", .string("llama")),
            ("tokenizer.ggml.tokens", .strings(["<unk>", "<s>", "</s>", "<0x41>", "\u{2581}", "a", "b", "ab"])),
            ("tokenizer.ggml.scores", .floats([0, 0, 0, 0, -1, -2, -3, -4])),
            ("tokenizer.ggml.token_type", .int32s([2, 3, 3, 6, 1, 1, 1, 1])),
            ("tokenizer.ggml.bos_token_id", .uint32(1)), ("tokenizer.ggml.eos_token_id", .uint32(2)),
        ]
        file.tensors = requirements(llamaConfiguration()).map(tensor)
        return file
    }

    static func gpt2GGUF() -> GGUFBuilder {
        var file = GGUFBuilder()
        file.metadata = [
            ("general.architecture", .string("gpt2")),
            ("gpt2.block_count", .uint32(2)), ("gpt2.context_length", .uint32(UInt32(context))),
            ("gpt2.embedding_length", .uint32(UInt32(embedding))),
            ("gpt2.feed_forward_length", .uint32(UInt32(feedForward))),
            ("gpt2.attention.head_count", .uint32(2)), ("gpt2.attention.layer_norm_epsilon", .float(1e-5)),
            ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string("gpt-2")),
            ("tokenizer.ggml.tokens", .strings(["a", "b", "c", "ab", "abc", "Ġ", "Ġa", "<|endoftext|>"])),
            ("tokenizer.ggml.token_type", .int32s([1, 1, 1, 1, 1, 1, 1, 3])),
            ("tokenizer.ggml.merges", .strings(["a b", "ab c", "Ġ a"])),
            ("tokenizer.ggml.bos_token_id", .uint32(7)), ("tokenizer.ggml.eos_token_id", .uint32(7)),
        ]
        file.tensors = requirements(gpt2Configuration()).map(tensor)
        return file
    }

    private static func tensor(_ requirement: TensorRequirement) -> GGUFBuilder.Tensor {
        let dimensions = requirement.rows == 1 ? [requirement.columns] : [requirement.columns, requirement.rows]
        let bytes = requirement.rows * requirement.columns * 4
        return .init(
            name: requirement.name, dimensions: dimensions.map(UInt64.init), data: (0..<bytes).map { UInt8($0 % 251) })
    }

    // MARK: Hugging Face

    static func llamaFolder() throws -> MemoryFolder {
        let configuration: [String: Any] = [
            "model_type": "llama", "hidden_size": embedding, "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 1, "intermediate_size": feedForward, "vocab_size": vocabulary,
            "max_position_embeddings": context, "rms_norm_eps": 1e-5, "rope_theta": 10_000.0, "hidden_act": "silu",
            "tie_word_embeddings": false, "eos_token_id": [2, 3], "bos_token_id": 1,
        ]
        return MemoryFolder(files: [
            "config.json": try jsonBytes(configuration),
            "model.safetensors": try safetensors(.llama, llamaConfiguration()).bytes(),
        ])
    }

    static func gpt2Folder() throws -> MemoryFolder {
        let configuration: [String: Any] = [
            "model_type": "gpt2", "n_embd": embedding, "n_layer": 2, "n_head": 2, "n_inner": feedForward,
            "n_positions": context, "vocab_size": vocabulary, "layer_norm_epsilon": 1e-5,
            "activation_function": "gelu_new",
        ]
        return MemoryFolder(files: [
            "config.json": try jsonBytes(configuration),
            "model.safetensors": try safetensors(.gpt2, gpt2Configuration()).bytes(),
        ])
    }

    /// GPT-NeoX: q, k and v in one matrix, head by head, and two norms beside each other.
    static func gptNeoXFolder() throws -> MemoryFolder {
        let fields: [String: Any] = [
            "model_type": "gpt_neox", "hidden_size": embedding, "num_hidden_layers": 2, "num_attention_heads": 2,
            "intermediate_size": feedForward, "vocab_size": vocabulary, "max_position_embeddings": context,
            "rotary_pct": 1.0, "use_parallel_residual": true, "hidden_act": "gelu", "tie_word_embeddings": false,
        ]
        var folder = MemoryFolder(files: ["config.json": try jsonBytes(fields)])
        let configuration = try HuggingFaceModel(folder).configuration([:])
        folder.files["model.safetensors"] = try safetensors(.gptNeoX, configuration).bytes()
        return folder
    }

    /// The same as `llamaFolder`, its tensors in two files with an index.
    static func shardedFolder() throws -> MemoryFolder {
        var folder = try llamaFolder()
        folder.files["model.safetensors"] = nil
        let all = safetensors(.llama, llamaConfiguration()).tensors
        var map: [String: String] = [:]
        for (number, part) in [all.prefix(9), all.dropFirst(9)].enumerated() {
            let name = "model-0000\(number + 1)-of-00002.safetensors"
            folder.files[name] = try SafetensorsBuilder(tensors: Array(part)).bytes()
            for tensor in part { map[tensor.name] = name }
        }
        folder.files["model.safetensors.index.json"] = try jsonBytes(["weight_map": map])
        return folder
    }

    static func safetensors(_ family: HuggingFaceFamily, _ configuration: ModelConfiguration) -> SafetensorsBuilder {
        let prefixed: [String: StoredTensor] = Dictionary(
            uniqueKeysWithValues: ["transformer.wte.weight", "model.embed_tokens.weight", "gpt_neox.embed_in.weight"]
                .map {
                    (
                        $0,
                        StoredTensor(name: $0, typeName: "", shape: [], fileName: "", file: 0, offset: 0, byteCount: 0)
                    )
                })
        let naming = TensorNaming.huggingFace(family, tensors: prefixed)
        return SafetensorsBuilder(
            tensors: requirements(configuration).map { requirement in
                let (name, isTransposed) = naming.stored(requirement.name)
                let (rows, columns) = (requirement.rows, requirement.columns)
                let shape = rows == 1 ? [columns] : isTransposed ? [columns, rows] : [rows, columns]
                return .init(name: name, shape: shape, bytes: rows * columns * 4)
            })
    }

    // MARK: tokenizer.json

    static func byteLevelTokenizer() -> [String: Any] {
        [
            "version": "1.0",
            "added_tokens": [
                ["id": 4, "content": "<s>", "special": true, "lstrip": false, "rstrip": true, "normalized": false],
                ["id": 5, "content": "<tool>", "special": false, "single_word": true, "normalized": true],
            ],
            "normalizer": ["type": "NFC"],
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
            "post_processor": [
                "type": "TemplateProcessing",
                "single": [["SpecialToken": ["id": "<s>", "type_id": 0]], ["Sequence": ["id": "A", "type_id": 0]]],
                "special_tokens": ["<s>": ["id": "<s>", "ids": [4], "tokens": ["<s>"]]],
            ],
            "decoder": ["type": "ByteLevel"],
            "model": [
                "type": "BPE", "vocab": ["a": 0, "b": 1, "ab": 2, "Ġ": 3], "merges": ["a b"], "unk_token": NSNull(),
                "byte_fallback": false, "ignore_merges": true,
            ] as [String: Any],
        ]
    }
}
