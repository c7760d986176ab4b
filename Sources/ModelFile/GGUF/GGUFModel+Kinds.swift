// GGUF files that hold something else than a language model: adapters, projectors, classifiers. Each is refused by its name.
import Sequences

extension GGUFModel {
    /// Refuses what is no language model.
    func refuseOtherKinds() throws(ModelFileError) {
        if let type = try? metadata.string("general.type"), let (problem, hint) = Self.otherTypes[type] {
            throw ModelFileError(
                .unsupported, file: mainFile, field: "general.type", value: "\"\(type)\"", problem, hint: Sentence(hint)
            )
        }
        let pooling = (try? metadata.string("general.architecture")).flatMap { name in
            try? metadata.integer(name + ".pooling_type")
        }
        let head = ["cls.output.weight", "cls.weight"].first { tensors[$0] != nil }
        guard head != nil || pooling == 4 else { return }  // 4: a rank
        throw ModelFileError(
            .unsupported, file: mainFile, field: head.map { "tensor \($0)" } ?? "pooling_type",
            "the file holds a classifier, which gives scores and no text",
            hint: "use a model of the same family that generates text")
    }

    private static let otherTypes = [
        "adapter": (
            "the file holds an adapter (LoRA), not a whole model",
            "merge it into its base model first (llama-export-lora of llama.cpp), and use the result"
        ),
        "mmproj": ("the file holds what projects images for a model, not the model", "use the model's own GGUF file"),
        "imatrix": ("the file holds what was measured for quantization, not a model", "use the model's own GGUF file"),
    ]
}
