// The rotary positions of a GGUF model: keys under "rope." and tensors with factors. Formulas where they differ from
// Hugging Face's: llama.cpp (`ggml_rope_yarn`).

extension GGUFModel {
    func rotary(
        _ keys: GGUFKeys, headSize: Int, context: Int, pairing: RotaryConfiguration.Pairing
    ) throws(ModelFileError) -> RotaryConfiguration {
        RotaryConfiguration(
            base: try keys.optionalNumber("rope.freq_base") ?? 10_000,
            dimensions: try keys.integer("rope.dimension_count", default: headSize),
            pairing: pairing,
            scaling: try rotaryScaling(keys, context: context))
    }

    private func rotaryScaling(
        _ keys: GGUFKeys, context: Int
    ) throws(ModelFileError) -> RotaryConfiguration.Scaling {
        let type = try metadata.string(keys.prefix + "rope.scaling.type")
        if let long = tensors["rope_factors_long.weight"], let short = tensors["rope_factors_short.weight"] {
            return .longrope(try longRope(keys, context: context, short: short, long: long))
        }
        let oldFactor = try keys.optionalNumber("rope.scale_linear")
        let factor = try keys.optionalNumber("rope.scaling.factor") ?? oldFactor ?? 1
        let scaling: RotaryConfiguration.Scaling
        switch type ?? (oldFactor == nil ? "none" : "linear") {
        case "none", "longrope": scaling = .none
        // A factor of 0 means none in llama.cpp.
        case "linear": scaling = factor == 1 || factor == 0 ? .none : .linear(factor: factor)
        case "yarn": scaling = try yarn(keys, factor: factor, context: context)
        case let type:
            throw ModelFileError(
                .unsupported, file: mainFile, field: keys.prefix + "rope.scaling.type", value: type,
                "is not supported (supported: none, linear, yarn, longrope, and the factors of rope_freqs.weight)")
        }
        guard let tensor = tensors["rope_freqs.weight"] else { return scaling }
        guard scaling == .none else {
            throw ModelFileError(
                .unsupported, file: mainFile, field: keys.prefix + "rope.scaling.type", value: type ?? "linear",
                "is not supported together with rope_freqs.weight")
        }
        return .factors(try rotaryFactors(tensor))
    }

    private func yarn(
        _ keys: GGUFKeys, factor: Double, context: Int
    ) throws(ModelFileError) -> RotaryConfiguration.Scaling {
        let key = "rope.scaling.yarn_ext_factor"
        if let value = try keys.optionalNumber(key), value != 1 {
            throw ModelFileError(
                .unsupported, file: mainFile, field: keys.prefix + key, value: value, "is not supported (supported: 1)")
        }
        var yarn = RotaryConfiguration.YaRN(
            factor: factor,
            originalContextLength: try keys.integer("rope.scaling.original_context_length", default: context))
        if let beta = try keys.optionalNumber("rope.scaling.yarn_beta_fast") { yarn.betaFast = beta }
        if let beta = try keys.optionalNumber("rope.scaling.yarn_beta_slow") { yarn.betaSlow = beta }
        if let all = try keys.optionalNumber("rope.scaling.yarn_log_multiplier"), all != 0 {
            // DeepSeek's files have a tenth of the two numbers that are called mscale elsewhere, and are equal there.
            let isDeepSeek = keys.prefix == Architecture.deepseek2.name + "."
            (yarn.mscale, yarn.mscaleAllDimensions) = isDeepSeek ? (all / 0.1, all / 0.1) : (1, all)
        }
        for key in ["rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor"] {
            if let multiplier = try keys.optionalNumber(key) { yarn.attentionMultiplier *= multiplier }
        }
        return .yarn(yarn)
    }

    private func longRope(
        _ keys: GGUFKeys, context: Int, short: StoredTensor, long: StoredTensor
    ) throws(ModelFileError) -> RotaryConfiguration.LongRope {
        let original = try keys.integer("rope.scaling.original_context_length", default: context)
        return RotaryConfiguration.LongRope(
            shortFactors: try rotaryFactors(short), longFactors: try rotaryFactors(long),
            originalContextLength: original, factor: Double(context) / Double(original),
            attentionFactor: try keys.optionalNumber("rope.scaling.attn_factor") ?? 1)
    }

    /// The content of a tensor of factors: one number for each pair of a head.
    private func rotaryFactors(_ tensor: StoredTensor) throws(ModelFileError) -> [Float] {
        guard tensor.type == .f32, tensor.byteCount <= FileLimits.headSize * 2 else {
            throw ModelFileError(
                .invalidValue, file: tensor.fileName, field: "tensor \(tensor.name)",
                value: "\(tensor.typeName) \(tensor.shape)", "must be a short list of F32 numbers")
        }
        let bytes = try files[tensor.file].source.bytes(at: tensor.offset, count: tensor.byteCount)
        return bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { index in
                let bits = bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                return Float(bitPattern: UInt32(littleEndian: bits))
            }
        }
    }
}
