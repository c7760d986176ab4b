// Folders that hold something else than a language model which can be computed as it is: adapters, classifiers, quantized
// weights. Each is refused by its name. Knows nothing of shapes.
import Sequences

extension HuggingFaceModel {
    /// Refuses adapters and classifiers.
    func refuseOtherKinds(weights: String?) throws(ModelFileError) {
        let names = try folder.names().filter { $0.hasSuffix(".safetensors") }
        if weights.map({ $0 == Self.adapterWeights }) ?? (names == [Self.adapterWeights]) {
            try Self.refuseAdapter(in: folder)
        }
        try refuseClassifier()
    }

    private static let adapterWeights = "adapter_model.safetensors"

    /// What adapter_config.json describes.
    static func refuseAdapter(in folder: any ModelFolder) throws(ModelFileError) {
        guard let source = try folder.open("adapter_config.json") else { return }
        let fields = try? JSONReader.object(in: source, limit: FileLimits.configurationBytes, asPython: true)
        let kind = (try? fields?.string("peft_type")) ?? "LoRA"
        let base = (try? fields?.string("base_model_name_or_path")).map {
            " of \(ModelFileError.printable($0, limit: 200))"
        }
        let shown = kind == "LORA" ? "LoRA" : ModelFileError.printable(kind, limit: 40)
        throw ModelFileError(
            .unsupported, file: folder.path, field: "adapter_config.json",
            "the folder holds a \(shown) adapter\(base ?? ""), not a whole model",
            hint: "merge it into its base model first (merge_and_unload of the peft library), and save that")
    }

    /// Ends of the names of classes whose head gives no tokens.
    private static let otherHeads = [
        "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForMultipleChoice",
        "ForMaskedLM", "ForNextSentencePrediction", "ForImageClassification", "RewardModel",
        "ForReward", "ForSequenceScoring", "ForRewardModeling", "ForTextEncoding", "ForEmbedding",
    ]

    private func refuseClassifier() throws(ModelFileError) {
        guard case .array(let values)? = settings.present("architectures") else { return }
        for case .string(let name) in values where Self.otherHeads.contains(where: name.hasSuffix) {
            let kind = name.contains("Classification") ? "a classifier" : "a model with another head"
            throw ModelFileError(
                .unsupported, file: file, field: "architectures", value: "\"\(name)\"",
                "is \(kind), not a language model: it gives scores, and no text",
                hint: "use the model of the same family whose class ends in ForCausalLM")
        }
    }

    /// Refuses weights with the head of a classifier and none for tokens, whatever config.json says.
    func refuseClassifier(_ tensors: [String: StoredTensor]) throws(ModelFileError) {
        guard tensors["lm_head.weight"] == nil,
            let head = ["score.weight", "classifier.weight", "classifier.dense.weight"].first(where: {
                tensors[$0] != nil
            })
        else { return }
        throw ModelFileError(
            .unsupported, file: folder.path, field: "tensor \(head)",
            "is the head of a classifier: the model gives scores, and no text",
            hint: "use the model of the same family whose class ends in ForCausalLM")
    }

    /// Refuses weights that are packed in ways that are not read here. gpt-oss is published in MXFP4; its experts'
    /// matrices are found in that form.
    func refuseQuantization(_ family: HuggingFaceFamily) throws(ModelFileError) {
        if let value = settings.present("quantization_config") {
            guard case .object(let fields) = value else {
                throw settings.wrong("quantization_config", value, "an object")
            }
            let method = try? fields.string("quant_method")
            if family == .gptOSS, method == "mxfp4" { return }
            throw quantized("quantization_config", Self.quantizationName(method, fields))
        }
        if case .object(let fields)? = settings.present("quantization") {
            throw quantized("quantization", Self.quantizationName(nil, fields))
        }
        for (name, kind) in [("quantize_config.json", "GPTQ"), ("quant_config.json", "AWQ")] {
            guard let source = try folder.open(name) else { continue }
            let fields = try? JSONReader.object(in: source, limit: FileLimits.configurationBytes, asPython: true)
            throw quantized(name, kind + Self.bits(fields))
        }
    }

    /// The method by the name that people know.
    private static func quantizationName(_ method: String?, _ fields: JSONObject) -> String {
        let known = [
            "gptq": "GPTQ", "awq": "AWQ", "fp8": "FP8", "fbgemm_fp8": "FP8", "mxfp4": "MXFP4",
            "compressed-tensors": "compressed-tensors", "bitsandbytes": "bitsandbytes", "modelopt": "ModelOpt",
            "hqq": "HQQ", "aqlm": "AQLM", "quark": "Quark", "torchao": "TorchAO", "eetq": "EETQ",
        ]
        // MLX names no method, but sizes of groups.
        let isMLX = method == nil && (fields.present("group_size") != nil || fields.present("mode") != nil)
        let name = method.map { known[$0.lowercased()] ?? ModelFileError.printable($0, limit: 40) }
        let format = (try? fields.string("format")).map { " (\(ModelFileError.printable($0, limit: 40)))" }
        return (name ?? (isMLX ? "MLX" : "a method that is not named")) + (format ?? bits(fields))
    }

    /// " of 4 bits".
    private static func bits(_ fields: JSONObject?) -> String {
        guard let fields else { return "" }
        for name in ["bits", "w_bit"] {
            if let bits = try? fields.integer(name) { return " of \(bits) bits" }
        }
        return ""
    }

    private func quantized(_ field: String, _ method: String) -> ModelFileError {
        ModelFileError(
            .unsupported, file: file, field: field,
            "the weights are quantized by \(method), which is not supported (of safetensors only gpt-oss in MXFP4 is)",
            hint: "use a GGUF file of type Q8_0 or Q4_0, or the model before quantization")
    }
}
