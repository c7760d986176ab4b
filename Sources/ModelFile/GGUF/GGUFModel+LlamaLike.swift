// The metadata of families that are built like Llama but for a few numbers. What files do not say is what llama.cpp takes
// for the family.

extension GGUFModel {
    func smollm3(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys, pairing: .interleaved)
        configuration.setSmolLM3(
            unrotatedLayers: try ModelConfiguration.layers(configuration.layerCount, file: mainFile) {
                ($0 + 1) % 4 == 0
            })
        return configuration
    }
}
