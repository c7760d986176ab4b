// Responsible for: which sampling parameters have a meaning. Must not know: who asks.

extension SamplingParameters {
    /// Refuses values without a meaning, naming the field.
    package func validate() throws(TandemError) {
        func check(_ isRight: Bool?, _ field: Field, _ value: (some CustomStringConvertible)?, _ range: Sentence)
            throws(TandemError)
        {
            guard isRight == false, let value else { return }
            throw TandemError("\(field) is \(value), but must be \(range)")
        }
        try check(temperature.map { $0.isFinite && $0 >= 0 }, .temperature, temperature, "0 or more")
        try check(topK.map { (0...Int(Int32.max)).contains($0) }, .topK, topK, "between 0 (off) and \(Int32.max)")
        try check(topP.map { $0.isFinite && $0 > 0 && $0 <= 1 }, .topP, topP, "over 0 and at most 1")
        try check(minP.map { $0.isFinite && $0 >= 0 && $0 <= 1 }, .minP, minP, "between 0 and 1")
        try check(repeatPenalty.map { $0.isFinite && $0 > 0 }, .repeatPenalty, repeatPenalty, "over 0")
        try check(presencePenalty.isFinite, .presencePenalty, presencePenalty, "a number")
        try check(frequencyPenalty.isFinite, .frequencyPenalty, frequencyPenalty, "a number")
        let most = RequestLimits.biasedTokens
        try check(
            logitBias.count <= most, .logitBias, "given \(logitBias.count) times", "given \(most) times at most")
        for entry in logitBias where entry.token < 0 || entry.bias.isNaN {
            throw TandemError(
                "\(.logitBias) is \(entry.token)=\(entry.bias), but must be a token id and a number, as 42=-1.5")
        }
        let names = 0...RequestLimits.topLogProbabilities
        try check(
            logProbabilityCount.map(names.contains), .logProbabilities, logProbabilityCount,
            "between 0 and \(names.upperBound)")
    }
}
