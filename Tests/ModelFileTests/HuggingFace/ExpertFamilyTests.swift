// The families with experts as files say them: sound ones, other mixtures, and spoiled files.
import Testing

@testable import ModelFile

@Suite struct ExpertFamilyTests {
    static let forms: [(family: HuggingFaceFamily, mxfp4: Bool)] = [
        (.deepSeekV3, false), (.llama4Text, false), (.mixtral, false), (.qwen2MoE, false), (.qwen3MoE, false),
        (.gptOSS, false), (.gptOSS, true),
    ]

    @Test("Folders become configurations and tensors", arguments: forms)
    func folders(family: HuggingFaceFamily, mxfp4: Bool) throws {
        let model = try TinyMixtures.folder(family, mxfp4: mxfp4).model()
        #expect(model.tensors.map(\.name) == TinyModels.requirements(model.configuration).map(\.name))
        let experts = try #require(model.configuration.experts)
        #expect((experts.count, experts.usedCount) == (3, 2))
        let matrices = model.tensors.filter { $0.name.split(separator: ".").count == 5 }
        #expect(matrices.allSatisfy { $0.type == (mxfp4 ? .mxfp4 : .f32) })
        #expect(Set(matrices.map { "\($0.file):\($0.offset)" }).count == matrices.count)
        switch family {
        case .mixtral:
            #expect(model.configuration.architecture == .llama && experts.routing == .softmaxOverChosen)
        case .deepSeekV3:
            #expect(experts.layers == [false, true] && experts.routing == .normalizedSigmoid && experts.hasChoiceBias)
            #expect(experts.shared == Experts.Shared(feedForwardLength: 32) && experts.groups == nil)
            #expect(model.configuration.headSize == 20 && model.configuration.keyValueHeadCount == 1)
            #expect(matrices.count { $0.name.contains("attn_k_b") && $0.isTransposed } == 4)
        case .llama4Text:
            #expect(experts.layers == [false, true] && experts.scalesInputs && experts.routing == .sigmoid)
            #expect(model.configuration.slidingWindow?.layers == [true, false])
            #expect(model.configuration.unrotatedLayers == [false, true])
            #expect(model.configuration.feedForwardLength == 24)
        case .qwen2MoE:
            #expect(experts.layers == [false, true] && experts.routing == .softmaxOverAll)
            #expect(experts.shared == Experts.Shared(feedForwardLength: 24, isGated: true))
            #expect(model.configuration.hasQueryKeyValueBias && !model.configuration.hasAttentionOutputBias)
        case .qwen3MoE:
            #expect(experts.layers == [false, true] && experts.feedForwardLength == 16)
            #expect(experts.routing == .softmaxOverAll && model.configuration.queryKeyNorm == .perHead)
        default:
            #expect(experts.activation == .clampedSwiGLU(alpha: 1.702, limit: 5) && experts.hasBias)
            #expect(model.configuration.hasAttentionSinks && model.configuration.hasQueryKeyValueBias)
            #expect(model.configuration.slidingWindow?.layers == [false, true])
        }
    }

    @Test(
        "GGUF files become configurations and tensors",
        arguments: ["llama", "qwen2moe", "qwen3moe", "gpt-oss", "deepseek2", "llama4"])
    func gguf(architecture: String) throws {
        let file = MemoryFile(name: "model.gguf", content: try TinyMixtures.gguf(architecture).bytes)
        let model = try Model(GGUFModel(file, in: MemoryFolder()))
        #expect(model.configuration.architecture.name == architecture)
        let isEverywhere = ["llama", "gpt-oss"].contains(architecture)
        #expect(model.configuration.experts?.layers == (isEverywhere ? [true, true] : [false, true]))
        let routings: [String: Experts.Routing] = [
            "qwen2moe": .softmaxOverAll, "deepseek2": .normalizedSigmoid, "llama4": .sigmoid,
        ]
        #expect(model.configuration.experts?.routing == routings[architecture] ?? .softmaxOverChosen)
        let shared = ["qwen2moe": 24, "deepseek2": 32, "llama4": 32]
        #expect(model.configuration.experts?.shared?.feedForwardLength == shared[architecture])
        let windows = ["gpt-oss": [true, false], "llama4": [true, true]]
        #expect(model.configuration.slidingWindow?.layers == windows[architecture])
    }

    @Test("Kimi K2 is DeepSeek V3 with other sizes")
    func kimi() throws {
        var folder = try TinyMixtures.folder(.deepSeekV3)
        let expected = try folder.model().configuration
        try folder.set("model_type", "kimi_k2", in: "config.json")
        #expect(try folder.model().configuration == expected)
    }

    @Test("Llama 4's experts are found one by one, as quantized folders have them")
    func singleExperts() throws {
        let experts = try #require(try TinyMixtures.configuration(.llama4Text).experts)
        let name = "model.layers.1.feed_forward.experts.2.gate_proj.weight"
        let stored = StoredTensor(
            name: name, typeName: "F32", type: .f32, shape: [32, 32], fileName: "f", file: 0, offset: 0, byteCount: 4096
        )
        let tensors = ExpertTensors(
            experts: experts, layerPrefix: "model.layers.", stored: [name: stored], mainFile: "f")
        let found = try tensors.find(TensorRequirement(name: "blk.1.ffn_gate.2.weight", rows: 32, columns: 32))
        #expect(found?.storedNames == [name])
    }

    @Test("Other mixtures are refused, each with the field that says so")
    func refused() throws {
        var folder = try TinyMixtures.folder(.qwen3MoE)
        try folder.set("model_type", "olmoe", in: "config.json")
        #expect(refusal { try folder.model() }?.field == "model_type")
        folder = try TinyMixtures.folder(.mixtral, mxfp4: true)
        #expect(refusal { try folder.model() }?.field == "quantization_config")
        folder = try TinyMixtures.folder(.gptOSS, mxfp4: true)
        try folder.set("quantization_config", ["quant_method": "hqq"], in: "config.json")
        #expect(refusal { try folder.model() }?.field == "quantization_config")
        for (field, value) in [
            ("num_experts_per_tok", 4), ("num_experts_per_tok", 0), ("num_local_experts", 5000),
            ("num_local_experts", -1), ("num_local_experts", 4),
        ] {
            folder = try TinyMixtures.folder(.mixtral)
            try folder.set(field, value, in: "config.json")
            #expect(refusal { try folder.model() } != nil, "\(field) \(value)")
        }
        folder = try TinyMixtures.folder(.qwen3MoE)
        try folder.set("decoder_sparse_step", 0, in: "config.json")
        #expect(refusal { try folder.model() }?.field == "decoder_sparse_step")
        var file = TinyModels.gpt2GGUF()
        file.set("gpt2.expert_count", .uint32(4))
        let gguf = MemoryFile(name: "model.gguf", content: file.bytes)
        #expect(refusal { try Model(GGUFModel(gguf, in: MemoryFolder())) }?.field == "gpt2.expert_count")
    }

    @Test("A configuration whose experts are too many to list is refused before they are")
    func tooMany() throws {
        var configuration = try TinyMixtures.configuration(.mixtral)
        configuration.layerCount = 10_000
        configuration.experts?.layers = [Bool](repeating: true, count: 10_000)
        configuration.experts?.count = 4096
        #expect(refusal { try configuration.validate() }?.field == "number of expert matrices")
    }

    @Test("10,000 spoiled folders and 10,000 spoiled GGUF files open or are refused")
    func mutations() throws {
        let folders = try Self.forms.map { try TinyMixtures.folder($0.family, mxfp4: $0.mxfp4) }
        var counts = try MutationRun.run(10_000, firstSeed: 6_000_000) { mutator in
            var folder = mutator.element(folders)
            if mutator.below(2) == 0 {
                folder.files["config.json"] = mutator.json(folder.files["config.json"] ?? [])
            } else {
                let bytes = folder.files["model.safetensors"] ?? []
                let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
                let header = mutator.json(Array(bytes[8..<8 + length]))
                folder.files["model.safetensors"] = SafetensorsBuilder.file(
                    header: header, data: Array(bytes[(8 + length)...]))
            }
            try MutationRun.use(folder.model())
        }
        #expect(counts.opened > 100 && counts.refused > 1000)
        let files = try ["llama", "qwen2moe", "qwen3moe", "gpt-oss", "deepseek2", "llama4"].map {
            try TinyMixtures.gguf($0).bytes
        }
        counts = try MutationRun.run(10_000, firstSeed: 7_000_000) { mutator in
            let file = MemoryFile(name: "model.gguf", content: mutator.binary(mutator.element(files)))
            try MutationRun.use(Model(GGUFModel(file, in: MemoryFolder())))
        }
        #expect(counts.opened > 100 && counts.refused > 1000)
    }
}
