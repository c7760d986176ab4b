// The rotary positions in config.json: `rope_parameters` (transformers 5), or `rope_theta` and `rope_scaling`. Fields and
// defaults: `modeling_rope_utils.py` in Hugging Face transformers.

extension HuggingFaceModel {
    /// As most families have them: whole heads turn, base 10,000 where nothing is said.
    func rotary(headSize: Int, context: Int) throws(ModelFileError) -> RotaryConfiguration {
        try rotary(absentBase: 10_000)(headSize, context)
    }

    /// The same with another base where nothing is said.
    func rotary(
        absentBase: Double
    ) -> (_ headSize: Int, _ context: Int) throws(ModelFileError) -> RotaryConfiguration {
        { headSize, context throws(ModelFileError) in
            try rotary(
                headSize: headSize, context: context, fields: rotaryFields(),
                base: try settings.number("rope_theta") ?? absentBase)
        }
    }

    /// How many elements of a head turn where the field `name` says which share does; `absent`: where it is not there.
    func turningElements(
        of headSize: Int, share name: String = "partial_rotary_factor", absent: Double
    ) throws(ModelFileError) -> Int {
        let share = try (rotaryFields()?.number("partial_rotary_factor")).or(settings.number(name)) ?? absent
        guard share > 0, share <= 1, headSize >= 1, headSize <= FileLimits.headSize else {
            throw ModelFileError(
                .invalidValue, file: file, field: "\(name) of head size \(headSize)", value: share,
                "must be above 0 and at most 1, the head size at most \(FileLimits.headSize)")
        }
        return Int(Double(headSize) * share)
    }

    /// Phi-3 turns a share of each head, and calls its longrope by other names too.
    func phi3Rotary(headSize: Int, context: Int) throws(ModelFileError) -> RotaryConfiguration {
        try partialRotary(
            headSize: headSize, context: context, absentShare: 1, synonyms: ["su": "longrope", "yarn": "longrope"],
            absentOriginalLength: 4096)
    }

    /// A share of each head turns; `share` and `base` are the fields that say how much and how fast where
    /// `rope_parameters` does not, `absentShare` where nothing is said.
    func partialRotary(
        headSize: Int, context: Int, share: String = "partial_rotary_factor", absentShare: Double,
        base: String = "rope_theta", synonyms: [String: String] = [:],
        absentOriginalLength: Int? = nil
    ) throws(ModelFileError) -> RotaryConfiguration {
        try rotary(
            headSize: turningElements(of: headSize, share: share, absent: absentShare), context: context,
            fields: rotaryFields(), base: try settings.number(base) ?? 10_000, synonyms: synonyms,
            absentOriginalLength: absentOriginalLength)
    }

    /// The object with the kind of scaling; nil where there is none.
    func rotaryFields() throws(ModelFileError) -> JSONObject? {
        let older = try settings.object("rope_scaling")
        return older?.members.isEmpty == false ? older : try settings.object("rope_parameters")
    }

    /// - Parameters:
    ///   - headSize: elements of a head that turn.
    ///   - base: where `fields` name none.
    ///   - absentOriginalLength: `original_max_position_embeddings` where config.json has none beside `fields`; nil: that
    ///     of `fields`, else `context`.
    func rotary(
        headSize: Int, context: Int, fields: JSONObject?, base: Double, synonyms: [String: String] = [:],
        absentOriginalLength: Int? = nil
    ) throws(ModelFileError) -> RotaryConfiguration {
        var result = RotaryConfiguration(base: base, dimensions: headSize, pairing: .halves)
        guard let fields else { return result }
        result.base = try fields.number("rope_theta") ?? base
        let name = "original_max_position_embeddings"
        let outer = try settings.integer(name) ?? absentOriginalLength
        let original = try outer.or(fields.integer(name)) ?? context
        let scaling = RotaryFields(fields: fields, original: original, context: context)
        let type = try fields.string("rope_type").or(fields.string("type")) ?? "default"
        result.scaling = try scaling.scaling(synonyms[type] ?? type)
        return result
    }
}

/// The fields of one kind of scaling.
private struct RotaryFields {
    let fields: JSONObject
    let original: Int
    let context: Int

    func scaling(_ type: String) throws(ModelFileError) -> RotaryConfiguration.Scaling {
        switch type {
        case "default": .none
        case "linear": .linear(factor: try number("factor"))
        case "dynamic": .dynamic(factor: try number("factor"), originalContextLength: context)
        case "yarn": .yarn(try yarn())
        case "longrope": .longrope(try longRope())
        case "llama3":
            .llama3(
                factor: try number("factor"), lowFrequencyFactor: try number("low_freq_factor"),
                highFrequencyFactor: try number("high_freq_factor"), originalContextLength: original)
        default:
            throw ModelFileError(
                .unsupported, file: fields.file, field: "rope_type", value: "\"\(type)\"",
                "is not supported (supported: default, linear, dynamic, yarn, llama3, longrope)")
        }
    }

    private func number(_ name: String) throws(ModelFileError) -> Double {
        try fields.required("rotary scaling \(name)", fields.number(name))
    }

    private func yarn() throws(ModelFileError) -> RotaryConfiguration.YaRN {
        var yarn = RotaryConfiguration.YaRN(factor: try factor(), originalContextLength: original)
        if let beta = try fields.number("beta_fast"), beta != 0 { yarn.betaFast = beta }
        if let beta = try fields.number("beta_slow"), beta != 0 { yarn.betaSlow = beta }
        yarn.truncates = try fields.bool("truncate") ?? true
        yarn.attentionFactor = try fields.number("attention_factor")
        yarn.mscale = try fields.number("mscale")
        yarn.mscaleAllDimensions = try fields.number("mscale_all_dim")
        return yarn
    }

    private func longRope() throws(ModelFileError) -> RotaryConfiguration.LongRope {
        RotaryConfiguration.LongRope(
            shortFactors: try factors("short_factor"), longFactors: try factors("long_factor"),
            originalContextLength: original, factor: try factor(),
            attentionFactor: try fields.number("attention_factor"))
    }

    /// "factor", or else how many times longer the context is than the original one.
    private func factor() throws(ModelFileError) -> Double {
        try fields.number("factor") ?? Double(context) / Double(original)
    }

    private func factors(_ name: String) throws(ModelFileError) -> [Float] {
        let values = try fields.required(name, fields.array(name))
        let count = values.count
        guard count <= FileLimits.headSize else {
            throw ModelFileError(
                .limitExceeded, file: fields.file, field: name, value: count,
                "is above the limit of \(FileLimits.headSize)")
        }
        var factors: [Float] = []
        for value in values {
            switch value {
            case .integer(let number): factors.append(Float(number))
            case .number(let number): factors.append(Float(number))
            default: throw fields.wrong(name, value, "a list of numbers")
            }
        }
        return factors
    }
}
