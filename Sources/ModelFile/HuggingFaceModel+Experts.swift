// The mixtures of experts in config.json. Field names and defaults: the classes `MixtralConfig`, `Qwen3MoeConfig` and
// `GptOssConfig` of the transformers library.

extension HuggingFaceModel {
    /// Llama with experts in every layer; the weights of those a token passes through sum up to 1.
    func mixtral(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llama(tensors)
        configuration.architecture = .mixtral
        configuration.experts = Experts(
            count: try expertCount(),
            usedCount: try integer("num_experts_per_tok", default: 2),
            feedForwardLength: configuration.feedForwardLength,
            routing: .softmaxOverChosen,
            layers: try everyLayer(configuration))
        return configuration
    }

    /// transformers 5 writes `num_local_experts` for every family, what was published before it `num_experts` for some.
    private func expertCount() throws(ModelFileError) -> Int {
        let older = try settings.integer("num_experts")
        return try integer("num_local_experts", default: older)
    }

    /// [layerCount]; the count is validated before anything is allocated for it.
    private func everyLayer(_ configuration: ModelConfiguration) throws(ModelFileError) -> [Bool] {
        guard (1...Limits.layers).contains(configuration.layerCount) else {
            throw ModelFileError(
                .invalidValue, file: settings.file, field: "num_hidden_layers", value: configuration.layerCount,
                "must be between 1 and \(Limits.layers)")
        }
        return [Bool](repeating: true, count: configuration.layerCount)
    }
}
