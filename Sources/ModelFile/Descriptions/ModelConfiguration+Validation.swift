// The rules that every configuration obeys, whether it came from a file or from a peer. Knows neither.

extension ModelConfiguration {
    /// Checks every value against its limits and against the others.
    /// Whoever receives a configuration from elsewhere calls this first; sizes computed from a valid one cannot
    /// overflow.
    package func validate() throws(ModelFileError) {
        try validate(file: "model configuration")
    }

    /// The choices that only some families make.
    private func validateVariants(_ rules: ConfigurationRules) throws(ModelFileError) {
        guard isGated || !hasFusedGateUp else {
            throw rules.invalid("fused gate", "true", "needs a gated network")
        }
        guard hasParallelResidual || !hasSharedNorm else {
            throw rules.invalid("shared norm", "true", "needs a parallel residual")
        }
        try rules.check("embedding scale", Double(embeddingScale), above: 0, upTo: 1e6)
        guard !(hasFusedQueryKeyValue && hasAttentionGate) else {
            throw rules.invalid("fused queries, keys and values", "true", "cannot have gates of attention beside them")
        }
        guard normWeightOffset == 0 || normWeightOffset == 1 else {
            throw rules.invalid("norm weight offset", normWeightOffset, "must be 0 or 1")
        }
        if let attentionScale {
            try rules.check("attention scale", Double(attentionScale), above: 0, upTo: 1e6)
        }
        try rules.check("residual scale", Double(residualScale), above: 0, upTo: 1e6)
        try rules.check("logit scale", Double(logitScale), above: 0, upTo: 1e6)
        if let layers = unrotatedLayers, layers.count != layerCount {
            throw rules.invalid("unrotated layer count", layers.count, "must be the layer count, \(layerCount)")
        }
        if let temperature = attentionTemperature {
            try rules.check("attention temperature scale", Double(temperature.scale), above: 0, upTo: 1e6)
            try rules.check("attention temperature length", temperature.length, in: 1...FileLimits.contextLength)
            try rules.check("attention temperature offset", temperature.offset, in: 0...FileLimits.contextLength)
        }
        for softcap in [attentionSoftcap, logitSoftcap] {
            if let softcap { try rules.check("softcap", Double(softcap), above: 0, upTo: 1e6) }
        }
        guard let window = slidingWindow else { return }
        try rules.check("sliding window", window.length, in: 1...FileLimits.contextLength)
        guard window.layers.count == layerCount else {
            throw rules.invalid("sliding layer count", window.layers.count, "must be the layer count, \(layerCount)")
        }
        guard let rotary = window.rotary else { return }
        try rotary.validate(headSize: headSize, rules: rules)
        switch rotary.scaling {
        case .dynamic, .longrope:
            throw rules.invalid("rotary scaling of sliding layers", "dynamic", "must not depend on the length")
        default: break
        }
    }

    /// The same, with errors that name `file`.
    func validate(file: String) throws(ModelFileError) {
        let rules = ConfigurationRules(file: file)
        try rules.check("layer count", layerCount, in: 1...FileLimits.layers)
        try rules.check("embedding length", embeddingLength, in: 1...FileLimits.embeddingLength)
        try rules.check("head count", headCount, in: 1...FileLimits.heads)
        try rules.check("key/value head count", keyValueHeadCount, in: 1...headCount)
        guard headCount % keyValueHeadCount == 0 else {
            throw rules.invalid("key/value head count", keyValueHeadCount, "must divide the head count, \(headCount)")
        }
        try rules.check("head size", headSize, in: 1...FileLimits.headSize)
        try rules.check("feed-forward length", feedForwardLength, in: 1...FileLimits.feedForwardLength)
        try rules.check("vocabulary size", vocabularySize, in: 1...FileLimits.vocabulary)
        try rules.check("context length", contextLength, in: 1...FileLimits.contextLength)
        try rules.check(
            "normalization epsilon", Double(normalizationEpsilon), above: 0, upTo: 1)
        if case .rotary(let rotary) = positions { try rotary.validate(headSize: headSize, rules: rules) }
        try validateVariants(rules)
        try latent?.validate(self, rules: rules)
        try experts?.validate(layerCount: layerCount, rules: rules)
        try deltaNet?.validate(layerCount: layerCount, rules: rules)
        let count = parameterCount
        guard let count, count <= FileLimits.parameters else {
            throw rules.invalid("parameter count", count ?? .max, "must be at most \(FileLimits.parameters)")
        }
        try rules.check("query elements of all layers", layerCount * queryLength, in: 1...FileLimits.queryElements)
    }
}

extension ModelConfiguration {
    /// Numbers in all tensors of a configuration whose values are in their ranges; nil where they overflow.
    private var parameterCount: Int? {
        func count(_ part: ModelPart) -> Int { tensors(of: part).reduce(0) { $0 + $1.rows * $1.columns } }
        var sum = count(.embedding) + count(.head)
        // Layers of one kind are alike: one of each kind is counted.
        let kinds = (0..<layerCount).map { (experts(layer: $0) != nil ? 1 : 0) + (deltaNet(layer: $0) != nil ? 2 : 0) }
        for kind in 0..<4 {
            guard let layer = kinds.firstIndex(of: kind) else { continue }
            let (layers, overflow) = count(.layer(layer)).multipliedReportingOverflow(by: kinds.count { $0 == kind })
            let (total, sumOverflow) = sum.addingReportingOverflow(layers)
            if overflow || sumOverflow { return nil }
            sum = total
        }
        return sum
    }
}

extension RotaryConfiguration {
    fileprivate func validate(headSize: Int, rules: ConfigurationRules) throws(ModelFileError) {
        try rules.check("rotary base", base, above: 0, upTo: 1e12)
        try rules.check("rotary dimensions", dimensions, in: 2...max(2, headSize))
        guard dimensions % 2 == 0, dimensions <= headSize else {
            throw rules.invalid(
                "rotary dimensions", dimensions, "must be even and at most the head size, \(headSize)")
        }
        try validateScaling(rules)
    }

    private func validateScaling(_ rules: ConfigurationRules) throws(ModelFileError) {
        switch scaling {
        case .none: break
        case .linear(let factor):
            try rules.check("rotary scaling factor", factor, above: 0, upTo: 1e6)
        case .dynamic(let factor, let original):
            // From 1 on the base is stretched by a positive number.
            guard factor >= 1, factor <= 1e6 else {
                throw rules.invalid("rotary scaling factor", factor, "must be between 1 and 1000000")
            }
            guard dimensions > 2 else {
                throw rules.invalid("rotary dimensions", dimensions, "must be above 2 for dynamic scaling")
            }
            try rules.check("rotary original context length", original, in: 1...FileLimits.contextLength)
        case .yarn(let yarn): try validate(yarn, rules)
        case .longrope(let longRope): try validate(longRope, rules)
        case .llama3(let factor, let low, let high, let original):
            try rules.check("rotary scaling factor", factor, above: 0, upTo: 1e6)
            try rules.check("rotary low frequency factor", low, above: 0, upTo: 1e6)
            try rules.check("rotary high frequency factor", high, above: 0, upTo: 1e6)
            guard low <= high else {
                throw rules.invalid(
                    "rotary high frequency factor", high, "must not be below the low frequency factor, \(low)")
            }
            try rules.check("rotary original context length", original, in: 1...FileLimits.contextLength)
        case .factors(let factors): try validate(factors, rules)
        }
    }

    private func validate(_ yarn: YaRN, _ rules: ConfigurationRules) throws(ModelFileError) {
        try rules.check("rotary scaling factor", yarn.factor, above: 0, upTo: 1e6)
        try rules.check("rotary original context length", yarn.originalContextLength, in: 1...FileLimits.contextLength)
        try rules.check("rotary beta_fast", yarn.betaFast, above: 0, upTo: 1e6)
        try rules.check("rotary beta_slow", yarn.betaSlow, above: 0, upTo: 1e6)
        guard base > 1 else { throw rules.invalid("rotary base", base, "must be above 1 for YaRN") }
        for factor in [yarn.attentionFactor, yarn.attentionMultiplier] {
            if let factor { try rules.check("rotary attention factor", factor, above: 0, upTo: 1e6) }
        }
        for mscale in [yarn.mscale, yarn.mscaleAllDimensions] {
            guard let mscale, !(mscale >= 0 && mscale <= 1e6) else { continue }
            throw rules.invalid("rotary mscale", mscale, "must be between 0 and 1000000")
        }
    }

    private func validate(_ longRope: LongRope, _ rules: ConfigurationRules) throws(ModelFileError) {
        try validate(longRope.shortFactors, rules)
        try validate(longRope.longFactors, rules)
        // Its logarithm is divided by.
        try rules.check(
            "rotary original context length", longRope.originalContextLength, in: 2...FileLimits.contextLength)
        try rules.check("rotary scaling factor", longRope.factor, above: 0, upTo: 1e9)
        if let factor = longRope.attentionFactor {
            try rules.check("rotary attention factor", factor, above: 0, upTo: 1e6)
        }
    }

    private func validate(_ factors: [Float], _ rules: ConfigurationRules) throws(ModelFileError) {
        guard factors.count == dimensions / 2 else {
            throw rules.invalid(
                "rotary factor count", factors.count, "must be half the rotary dimensions, \(dimensions / 2)")
        }
        for factor in factors { try rules.check("rotary factor", Double(factor), above: 0, upTo: 1e6) }
    }
}

/// Range checks whose errors name the file and the field.
struct ConfigurationRules {
    let file: String

    func check(_ field: String, _ value: Int, in range: ClosedRange<Int>) throws(ModelFileError) {
        guard range.contains(value) else {
            throw invalid(field, value, "must be between \(range.lowerBound) and \(range.upperBound)")
        }
    }

    func check(_ field: String, _ value: Double, above lower: Double, upTo upper: Double) throws(ModelFileError) {
        guard value > lower, value <= upper else {  // false for NaN too
            throw invalid(field, value, "must be above \(lower) and at most \(upper)")
        }
    }

    func invalid(_ field: String, _ value: any CustomStringConvertible, _ problem: String) -> ModelFileError {
        ModelFileError(.invalidValue, file: file, field: field, value: value, problem)
    }
}
