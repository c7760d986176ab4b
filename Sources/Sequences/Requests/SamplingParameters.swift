// Responsible for: how the next token of a sequence is chosen: one list of parameters from the person who asks to the
// stage that samples, with their names and ranges. Must not know: logits, text, where the parameters come from.

/// How one sequence samples.
///
/// What is nil was not said: whoever serves a model fills it in, with what the model's author recommends and then with
/// `standard` (`completed(by:)`). A stage takes what is still nil as "off", and a temperature of 1.
package struct SamplingParameters: Sendable, Hashable {
    /// 0 (or less, or NaN) takes the most likely token; 1 is the model's distribution.
    package var temperature: Float?
    /// Keep only the K most likely tokens; 0: all.
    package var topK: Int?
    /// Keep the most likely tokens until their probabilities sum to this; 1: all.
    package var topP: Float?
    /// Drop tokens less likely than this fraction of the most likely one; 0: none.
    package var minP: Float?
    /// Divides positive and multiplies negative logits of tokens in prompt or answer (as Hugging Face does); 1: off.
    package var repeatPenalty: Float?
    /// Subtracted once from the logit of every token in the answer (as OpenAI does); 0: off.
    package var presencePenalty: Float = 0
    /// Subtracted from a token's logit for every time it is in the answer (as OpenAI does); 0: off.
    package var frequencyPenalty: Float = 0
    /// Added to logits.
    package var logitBias: [LogitBias] = []
    /// The same request with the same seed gives the same tokens on every cluster.
    package var seed: UInt64 = 0
    /// How many of the most likely tokens are named beside each chosen one; nil: no log-probabilities at all.
    package var logProbabilityCount: Int?

    /// Nothing is said.
    package init() {}

    /// What is served where neither the person who asks nor the model's author says otherwise.
    package static let standard: SamplingParameters = {
        var parameters = SamplingParameters()
        parameters.temperature = 0.8
        parameters.topK = 40
        parameters.topP = 0.95
        parameters.minP = 0.05
        parameters.repeatPenalty = 1
        return parameters
    }()

    /// The same, with what was not said taken from `defaults`.
    package func completed(by defaults: SamplingParameters) -> SamplingParameters {
        var all = self
        all.temperature = temperature ?? defaults.temperature
        all.topK = topK ?? defaults.topK
        all.topP = topP ?? defaults.topP
        all.minP = minP ?? defaults.minP
        all.repeatPenalty = repeatPenalty ?? defaults.repeatPenalty
        return all
    }
}

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

extension Field {
    package static let temperature = Field("temperature")
    package static let topK = Field("top_k")
    package static let topP = Field("top_p")
    package static let minP = Field("min_p")
    package static let repeatPenalty = Field("repeat_penalty")
    package static let presencePenalty = Field("presence_penalty")
    package static let frequencyPenalty = Field("frequency_penalty")
    package static let logitBias = Field("logit_bias")
    package static let logProbabilities = Field("logprobs")
}

/// A number added to one token's logit; -infinity bans the token.
package struct LogitBias: Sendable, Hashable {
    /// The token; ids outside the vocabulary are ignored.
    package var token: Int32
    /// What is added to its logit.
    package var bias: Float

    /// Adds `bias` to the logit of `token`.
    package init(token: Int32, bias: Float) {
        self.token = token
        self.bias = bias
    }
}
