// The families of models in Hugging Face folders: which there are, who reads their config.json, how their tensors are
// called. A new family is a case here; the compiler names the places to fill in. Knows nothing of shapes.

/// A family, by the `model_type` of its config.json.
enum HuggingFaceFamily: String, CaseIterable {
    case gpt2
    case llama
    case mistral
    case qwen2
    case qwen3
    case gemma
    case gemma2
    /// Text and images; only the part for text is used.
    case gemma3
    case gemma3Text = "gemma3_text"
    case phi3
    case olmo2
    case olmo3
    case smollm3
    case granite
    case granitemoe
    case ministral3
    /// Text and images around a model of Mistral or Ministral 3; only the part for text is used.
    case mistral3
    case glm
    case glm4
    case seedOSS = "seed_oss"
    case ernie4_5
    case exaone4
    case starcoder2
    case mixtral
    case qwen2MoE = "qwen2_moe"
    case qwen3MoE = "qwen3_moe"
    case gptOSS = "gpt_oss"
    /// Text and images; only the part for text is used.
    case qwen35 = "qwen3_5"
    case qwen35Text = "qwen3_5_text"
    /// The same with experts.
    case qwen35MoE = "qwen3_5_moe"
    case qwen35MoEText = "qwen3_5_moe_text"
    case qwen3Next = "qwen3_next"
    case deepSeekV2 = "deepseek_v2"
    case deepSeekV3 = "deepseek_v3"
    /// DeepSeek V3 with other sizes.
    case kimiK2 = "kimi_k2"
    /// Text and images; only the part for text is used.
    case llama4
    case llama4Text = "llama4_text"
    /// Phi-1, Phi-1.5 and Phi-2.
    case phi
    /// Also Pythia.
    case gptNeoX = "gpt_neox"
    case gptNeo = "gpt_neo"
    case internlm2

    /// `name` is the `model_type` in `file`.
    init(named name: String, file: String) throws(ModelFileError) {
        guard let family = Self(rawValue: name) else {
            throw ModelFileError.unsupportedArchitecture(
                name, file: file, field: "model_type", supported: Self.allCases.map(\.rawValue))
        }
        self = family
    }

    /// What config.json says; `tensors` are those of the weight files. Not validated yet.
    func configuration(
        _ model: HuggingFaceModel, _ tensors: [String: StoredTensor]
    ) throws(ModelFileError) -> ModelConfiguration {
        switch self {
        case .gpt2: try model.gpt2(tensors)
        case .llama: try model.llama(tensors)
        case .mistral: try model.mistral(tensors)
        case .qwen2: try model.qwen2(tensors)
        case .qwen3: try model.qwen3(tensors)
        case .gemma: try model.gemma(tensors)
        case .gemma2: try model.gemma2(tensors)
        case .gemma3: try model.gemma3(tensors)
        case .gemma3Text: try model.gemma3Text(tensors)
        case .phi3: try model.phi3(tensors)
        case .olmo2: try model.olmo2(tensors)
        case .olmo3: try model.olmo3(tensors)
        case .smollm3: try model.smollm3(tensors)
        case .granite: try model.granite(tensors)
        case .granitemoe: try model.graniteMoE(tensors)
        case .ministral3: try model.ministral3(tensors)
        case .mistral3: try model.mistral3(tensors)
        case .glm: try model.glm(tensors, .chatglm)
        case .glm4: try model.glm(tensors, .glm4)
        case .seedOSS: try model.seedOSS(tensors)
        case .ernie4_5: try model.ernie(tensors)
        case .exaone4: try model.exaone4(tensors)
        case .starcoder2: try model.starCoder2(tensors)
        case .mixtral: try model.mixtral(tensors)
        case .qwen2MoE: try model.qwen2MoE(tensors)
        case .qwen3MoE: try model.qwen3MoE(tensors)
        case .gptOSS: try model.gptOSS(tensors)
        case .qwen35: try model.qwen35(tensors)
        case .qwen35Text: try model.qwen35Text(tensors)
        case .qwen35MoE: try model.qwen35MoE(tensors)
        case .qwen35MoEText: try model.qwen35MoEText(tensors)
        case .qwen3Next: try model.qwen3Next(tensors)
        case .deepSeekV2: try model.deepSeekV2(tensors)
        case .deepSeekV3, .kimiK2: try model.deepSeekV3(tensors)
        case .llama4: try model.llama4(tensors)
        case .llama4Text: try model.llama4Text(tensors)
        case .phi: try model.phi(tensors)
        case .gptNeoX: try model.gptNeoX(tensors)
        case .gptNeo: try model.gptNeo(tensors)
        case .internlm2: try model.internlm2(tensors)
        }
    }

    /// How the tensors are called.
    var names: HuggingFaceNames {
        switch self {
        case .gpt2: .gpt2
        case .llama, .mistral, .qwen2, .qwen3, .mixtral, .qwen3MoE, .gemma, .smollm3, .granite, .granitemoe,
            .ministral3,
            .seedOSS, .ernie4_5:
            .llama
        case .qwen2MoE: .qwen2MoE
        case .gemma2, .gemma3Text: .gemma
        case .gemma3: .gemmaWithImages
        case .phi3: .phi3
        case .olmo2, .olmo3, .exaone4: .olmo2
        case .mistral3: .llamaWithImages
        case .starcoder2: .starCoder2
        case .glm: .glm
        case .glm4: .glm4
        case .gptOSS: .gptOSS
        case .qwen35, .qwen35MoE: .qwen35WithImages
        case .qwen35Text, .qwen35MoEText, .qwen3Next: .qwen35
        case .deepSeekV2, .deepSeekV3, .kimiK2: .deepSeek
        case .llama4, .llama4Text: .llama4
        case .phi: .phi
        case .gptNeoX: .gptNeoX
        case .gptNeo: .gptNeo
        case .internlm2: .internlm2
        }
    }
}
