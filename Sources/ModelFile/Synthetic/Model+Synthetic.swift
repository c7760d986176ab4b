// A model made of a shape and a seed, and such a model as a GGUF file. Knows no arithmetic.

extension Model {
    /// A model of a known shape with random weights in the types of `mix`, without tokenizer and file. Its answers mean
    /// nothing; its speed is that of the real one. `layers` nil: all.
    package static func synthetic(
        _ shape: SyntheticShape, mix: QuantizationMix, layers: Int? = nil, seed: UInt64
    ) throws(ModelFileError) -> Model {
        try synthetic(
            shape.configuration(layers: layers), name: "synthetic \(shape.rawValue) \(mix.rawValue)", mix: mix,
            seed: seed)
    }

    /// A model that has a configuration and nothing else, no tensors either, for clusters that only pretend to compute: 64
    /// layers, activations of 1024 floats, 32,000 tokens, a context of 32,768.
    package static var simulated: Model {
        Model(
            name: "simulated", configuration: SyntheticShape.simulated, tensors: [], source: SyntheticWeights(seed: 0))
    }

    /// A synthetic model of any configuration.
    static func synthetic(
        _ configuration: ModelConfiguration, name: String, mix: QuantizationMix, seed: UInt64
    ) throws(ModelFileError) -> Model {
        try configuration.validate()
        var choice = ConversionChoice(mix: mix, traits: configuration.quantizationTraits)
        var tensors: [TensorDescriptor] = []
        var names: Set<String> = []
        for part in configuration.parts(ofLayers: 0..<configuration.layerCount) {
            for need in configuration.tensors(of: part) where names.insert(need.name).inserted {
                let plain = TensorDescriptor(
                    name: need.name, type: .f32, rows: need.rows, columns: need.columns,
                    byteCount: 4 * need.rows * need.columns, file: 0, offset: 0)
                let conversion = choice.conversion(
                    of: plain, isMatrix: need.rows > 1, isExperts: Experts.stackedName(of: need.name) != nil,
                    small: .f32)
                tensors.append(conversion.target)
            }
        }
        return Model(
            name: name, configuration: configuration, tensors: tensors, source: SyntheticWeights(seed: seed))
    }

    /// Writes a model whose weights have the types of `mix` already as a GGUF file. `progress` gets bytes of data and
    /// says whether to go on; false: it was stopped, and nothing is left behind.
    package func writeGGUF(
        to path: String, mix: QuantizationMix, progress: (Int) -> Bool
    ) throws(ModelFileError) -> Bool {
        let conversion = try conversion(mix, requantizing: true)
        return try conversion.writer.write(
            to: path, replacing: true,
            read: { index, offset, buffer throws(ModelFileError) in
                guard case .converted(let parts) = conversion.contents[index], let size = parts.first?.target.byteCount
                else { preconditionFailure("a synthetic model has nothing but weights") }
                precondition(parts.allSatisfy(\.isCopy), "the weights have their types already")
                var done = 0
                while done < buffer.count {  // the experts of a stack follow each other
                    let (part, start) = (offset + done).quotientAndRemainder(dividingBy: size)
                    let count = min(size - start, buffer.count - done)
                    try self.read(
                        parts[part].target, at: start,
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]))
                    done += count
                }
            }, progress: progress)
    }
}
