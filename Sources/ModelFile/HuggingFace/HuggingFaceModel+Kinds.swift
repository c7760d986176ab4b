// Folders that hold something else than a language model which can be computed as it is: adapters and classifiers. Each
// is refused by its name. Knows nothing of shapes.
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
}
