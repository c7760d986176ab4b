// Llama 4 in a GGUF model's metadata, which says little of its attention. What files do not say: llama.cpp
// (`LLM_ARCH_LLAMA4`).

extension GGUFModel {
    func llama4(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys, pairing: .interleaved)
        configuration.architecture = .llama4
        if try keys.optional("expert_count") ?? 0 != 0 { configuration.experts = try experts(keys, of: configuration) }
        // Held to its limit before anything is allocated for it.
        _ = try ModelConfiguration.layers(configuration.layerCount, file: mainFile, where: { _ in true })
        configuration.setUsualLlama4(hasChunks: try keys.optional("attention.sliding_window") != 0)
        return configuration
    }
}

extension ModelConfiguration {
    /// As all models that GGUF files hold: every fourth layer sees all positions and does not turn, the others see chunks of
    /// 8192; or every layer sees all positions and turns. The largest of them has no norms of heads.
    mutating func setUsualLlama4(hasChunks: Bool) {
        let rotated = (0..<layerCount).map { !hasChunks || ($0 + 1) % 4 != 0 }
        setLlama4(
            rotated: rotated, chunk: hasChunks ? SlidingWindow(length: 8192, layers: rotated) : nil,
            hasNorm: experts?.count != 128, temperature: hasChunks ? (0.1, 8192) : nil)
    }
}
